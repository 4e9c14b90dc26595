import shlex
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import BAD_INPUT, SUCCESS, SiteCommand
from experiments_app.gpus import gpu_count
from experiments_app.plan import Plan, accepted_report, make_plan, refused_report
from tasks_app.problems import SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.taskfile import load_task_file


class Command(SiteCommand):
    help = (
        "Check a task file and show its plan: problems, number of configurations, the exact"
        " command lines of the first few, estimated time."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def run(self, *, file: Path, json: bool, **options: Any) -> int:
        try:
            spec, warnings = load_task_file(file, catalogue=site_runtimes(), gpus=gpu_count())
            plan = make_plan(spec)
        except SpecError as error:
            if json:
                self.print_json(refused_report(error))
            else:
                self.stderr.write(f"{file}:")
                for problem in error.problems:
                    self.stderr.write(f"  {problem}")
            return BAD_INPUT
        if json:
            self.print_json(accepted_report(plan, warnings))
        else:
            for warning in warnings:
                self.stderr.write(f"warning: {warning}")
            self._print(plan)
        return SUCCESS

    def _print(self, plan: Plan) -> None:
        configurations = plan.configurations
        self.print(f"task            {plan.task}")
        self.print(f"configurations  {'without end' if configurations is None else configurations}")
        self.print(f"experiments     {plan.experiments}, the baseline included")
        self.print(f"measurements    {plan.measurements_in_words}")
        self.print(f"estimated time  {plan.estimate}")
        if plan.gpus and plan.gpu_hours is not None:
            self.print(f"GPU hours       about {plan.gpu_hours:.3g}")
        for index, command in enumerate(plan.commands):
            name = "baseline" if index == 0 else f"experiment {index}"
            self.print(f"{name:<15} {shlex.join(command)}")
