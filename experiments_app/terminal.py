"""A task in the terminal: a progress bar while it runs, a table when it has ended.

Everything goes to standard error, so that standard output belongs to --json alone.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.db import DatabaseError, connection
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Task as Bar
from rich.table import Table
from rich.text import Text

from experiments_app import objective, words
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from experiments_app.results import RunResults
from tasks_app.models import Task

LOOK_EVERY_S = 0.5


class TimeLeftColumn(ProgressColumn):
    """What the overview estimates; rich would extrapolate from the bar alone."""

    def render(self, task: Bar) -> Text:
        left_s = task.fields.get("time_left_s")
        if left_s is None:
            return Text("")
        return Text(f"{timedelta(seconds=round(left_s))} left", style="progress.remaining")


@contextmanager
def follow(task: Task) -> Iterator[None]:
    """Show the task's progress from a thread of its own while the block runs."""
    console = Console(stderr=True)
    stop = threading.Event()
    thread = threading.Thread(target=_follow, args=(task.pk, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


def _follow(task_pk: int, console: Console, stop: threading.Event) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeLeftColumn(),
    )
    told: set[int] = set()
    try:
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("starting", total=1.0)
            while True:
                ending = stop.is_set()
                # Where it fails only the view suffers, and the next look may succeed.
                with suppress(DatabaseError, Task.DoesNotExist):
                    _show(task_pk, progress, bar, told)
                if ending:
                    return
                stop.wait(LOOK_EVERY_S)
    finally:
        connection.close()  # of this thread


def _show(task_pk: int, progress: Progress, bar: TaskID, told: set[int]) -> None:
    overview = TaskOverview.load(Task.objects.get(pk=task_pk))
    for experiment in overview.experiments:
        if experiment.current_status.is_finished and experiment.number not in told:
            told.add(experiment.number)
            progress.console.print(_line(experiment, overview.objective), highlight=False)
    progress.update(
        bar,
        description=overview.words,
        completed=overview.fraction,
        time_left_s=overview.time_left_s,
    )


def _line(experiment: Experiment, objective_name: str) -> Text:
    name = "baseline" if experiment.is_baseline else f"#{experiment.number}"
    flags = " ".join(f"{k}={v}" for k, v in experiment.parameters.items()) or "defaults"
    text = Text(f"{name:>8}  ", style="bold")
    if experiment.objective_score is not None:
        text.append(f"{experiment.objective_score:10.4g} {objective.unit(objective_name)}  ")
    else:
        outcome = "infeasible" if experiment.feasible is False else experiment.status
        text.append(f"{outcome}  ", style="yellow")
    text.append(flags, style="dim")
    if experiment.error:
        text.append(f"\n          {experiment.error.splitlines()[0]}", style="red")
    return text


def print_results(results: RunResults) -> None:
    """The verdict, and the best configuration with the command that starts it."""
    console = Console(stderr=True)
    console.print()
    console.print(Text(f"{results.task.name}: {results.status}", style="bold"))
    if results.task.message and results.status != Task.Status.COMPLETED:
        console.print(results.task.message, highlight=False)
    console.print(words.capital(results.verdict), highlight=False)
    best = results.best
    if best is None:
        return
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in best.parameters.items():
        table.add_row(name, str(value))
    table.add_row("score", f"{best.objective_score:.4g} {objective.unit(results.objective)}")
    console.print(table)
