"""Which experiment a command is about: one by its number, or the answer of a run."""

from django.core.management.base import CommandParser

from autotuner_site.commands import BadInput
from experiments_app.models import Experiment
from experiments_app.results import RunResults
from tasks_app.importing import find_task
from tasks_app.models import Run

LARGEST = 2**31 - 1


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the task")
    parser.add_argument(
        "--experiment", type=int, metavar="N", help="0 is the default; else the answer of the run"
    )
    parser.add_argument("--run", type=int, dest="number", help="default: the latest run")


def pick(name: str, run: int | None, number: int | None) -> Experiment:
    """Raises BadInput."""
    task = find_task(name)
    of_run = task.run if run is None else run
    for given in (of_run, number or 0):
        if not 0 <= given <= LARGEST:
            raise BadInput(f"{given} is no number of a run or an experiment")
    if not Run.objects.filter(task=task, number=of_run).exists():
        raise BadInput(f"task {name!r} has no run {of_run}")
    if number is None:
        results = RunResults(task, of_run)
        answer = results.chosen or results.best
        if answer is None:
            raise BadInput(
                f"run {of_run} of task {name!r} has no answer: name one with --experiment N"
            )
        number = answer.number
    found = Experiment.objects.of_run(task, of_run).select_related("task").filter(number=number)
    experiment = found.first()
    if experiment is None:
        raise BadInput(f"run {of_run} of task {name!r} has no experiment {number}")
    return experiment
