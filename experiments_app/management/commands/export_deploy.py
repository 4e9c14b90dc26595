from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app import picking
from experiments_app.artefacts import MAKERS, artefact_of, artefacts_of
from tasks_app.models import Run


class Command(SiteCommand):
    help = (
        "Print what deploys a measured configuration: a script, a Compose file, Kubernetes"
        " manifests, a systemd unit. No secret stands in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        picking.add_arguments(parser)
        parser.add_argument("--kind", choices=tuple(MAKERS), required=True)

    def run(
        self, *, name: str, number: int | None, experiment: int | None, kind: str, **options: Any
    ) -> int:
        picked = picking.pick(name, number, experiment)
        spec = Run.objects.get(task=picked.task, number=picked.run).task_spec
        made = artefact_of(spec, picked, kind)
        if made is None:
            others = ", ".join(one.kind for one in artefacts_of(spec, picked))
            raise BadInput(f"this cannot be deployed as {kind}; it can as: {others}")
        self.stdout.write(made.file_text, ending="")
        return SUCCESS
