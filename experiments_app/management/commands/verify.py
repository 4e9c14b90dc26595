from contextlib import suppress
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import (
    FAILURE,
    INTERRUPTED,
    SUCCESS,
    BadInput,
    SiteCommand,
    end_on_signals,
)
from experiments_app import picking, verification
from experiments_app.foreground import run_verification
from experiments_app.models import Experiment
from experiments_app.reaper import reap
from experiments_app.verification_export import verification_data
from experiments_app.verification_verdict import VerifyVerdict
from experiments_app.verification_words import how_started, sentence, verdict_of
from tasks_app.models import Run, StaleState
from tasks_app.problems import SpecError


class Command(SiteCommand):
    help = (
        "Start a measured configuration again, measure it at the same load, and say whether it"
        " still keeps what was promised. The run's results stay as they are. Exit code 0 where it"
        " does. Ctrl-C cancels it."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        picking.add_arguments(parser)

    def run(
        self, *, name: str, number: int | None, experiment: int | None, json: bool, **options: Any
    ) -> int:
        original = picking.pick(name, number, experiment)
        reap()
        end_on_signals()
        try:
            execution = verification.verify(original, wake_consumer=False)
        except (StaleState, SpecError) as error:
            raise BadInput(str(error)) from error
        interrupted = False
        try:
            run_verification(execution)
        except KeyboardInterrupt:
            interrupted = True
            with suppress(StaleState):  # it ended just before
                verification.cancel(execution)
        execution.refresh_from_db()
        self._tell(execution, json=json)
        if interrupted:
            return INTERRUPTED
        return SUCCESS if verdict_of(execution) is VerifyVerdict.KEPT else FAILURE

    def _tell(self, execution: Experiment, *, json: bool) -> None:
        spec = Run.objects.get(task=execution.task, number=execution.run).task_spec
        data = verification_data(execution, spec)
        if json:
            self.print_json(data)
            return
        self.stdout.write(sentence(execution, spec))
        if told := how_started(execution):
            self.stdout.write(told)
        for one in data["differences"]:
            self.stdout.write(f"- {one['name']}: {one['before']}, now {one['now']}")
