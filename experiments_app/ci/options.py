"""What `tune` takes for a CI job, and what it asks of the run that is about to begin."""

import os
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from autotuner_site.commands import BadInput
from experiments_app.ci.gates import parse_share
from experiments_app.ci.outcome import Outcome
from experiments_app.ci.regression import Stored, obstacles
from experiments_app.past_import import MAX_BYTES
from experiments_app.results import RunResults
from tasks_app.masking import masked_document
from tasks_app.models import Run, Task
from tasks_app.problems import SpecError


def add_arguments(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("for a CI job")
    group.add_argument(
        "--fail-below-baseline",
        action="store_true",
        help="exit with 1 where what is recommended is worse than the default beyond noise, or"
        " nothing meets the SLO",
    )
    group.add_argument(
        "--max-regression",
        metavar="SHARE",
        help="exit with 1 where the answer is worse than the stored run's by more than 5%% (or"
        " 0.05), beyond noise",
    )
    group.add_argument(
        "--against",
        metavar="FILE|RUN",
        help="what to compare with: a results file, or the number of a run of this task (default:"
        " its newest earlier completed run)",
    )
    group.add_argument(
        "--strict", action="store_true", help="a gate that cannot tell has failed as well"
    )
    group.add_argument(
        "--junit", type=Path, metavar="FILE", help="a test case for each experiment and gate"
    )
    group.add_argument("--markdown", type=Path, metavar="FILE", help="a summary for a pull request")


@dataclass(frozen=True)
class Asked:
    """`max_regression`: as a share."""

    fail_below_baseline: bool = False
    max_regression: float | None = None
    against: str | None = None
    strict: bool = False
    junit: Path | None = None
    markdown: Path | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Of the command's options. Raises BadInput."""
        share = options["max_regression"]
        try:
            most = None if share is None else parse_share(share)
        except ValueError as error:
            raise BadInput(f"--max-regression: {error}") from error
        if options["strict"] and most is None and not options["fail_below_baseline"]:
            raise BadInput(
                "--strict is about gates, and there is none: add --max-regression 5% or"
                " --fail-below-baseline"
            )
        files = {name: options[name] for name in ("junit", "markdown") if options[name]}
        for name, path in files.items():
            _check_target(f"--{name}", path)
        if len({path.resolve() for path in files.values()}) < len(files):
            raise BadInput("--junit and --markdown name the same file; give each one of its own")
        return cls(
            fail_below_baseline=options["fail_below_baseline"],
            max_regression=most,
            against=options["against"],
            strict=options["strict"],
            **files,
        )

    @property
    def compares(self) -> bool:
        return self.max_regression is not None or self.against is not None

    def stored(self, task: Task, *, goes_on: bool) -> Stored | None:
        """What to compare the coming run with, read now: bad input must not cost hours first.

        `goes_on`: the task's last run goes on instead of a new one. Raises BadInput.
        """
        if not self.compares:
            return None
        if self.against is None:
            return _newest(task, goes_on=goes_on)
        if self.against.isascii() and self.against.isdecimal():
            stored = _run(task, int(self.against), goes_on=goes_on)
        else:
            stored = _file(Path(self.against))
        self._check(stored, task, goes_on=goes_on)
        return stored

    def _check(self, stored: Stored, task: Task, *, goes_on: bool) -> None:
        """What is named must answer the same question."""
        run = task.runs.filter(number=task.run).first() if goes_on else None
        spec = run.task_spec if run else task.spec
        coming = stored.outcome.model_copy(
            update={
                "spec": masked_document(spec.to_data()),
                "objective": spec.optimization.objective,
                "facts": {"model": spec.model.last_segment},
            }
        )
        if found := obstacles(coming, stored.outcome):
            raise BadInput(
                f"--against {self.against}: answers another question than this task:"
                f" {'; '.join(found)}; compare with a run under the same load, model, objective"
                " and SLO"
            )


def _check_target(option: str, path: Path) -> Path:
    """A path that can be written later, before hours are spent. Raises BadInput."""
    folder = path.resolve().parent
    if path.is_dir():
        raise BadInput(f"{option} {path}: is a folder; name a file in it")
    if not folder.is_dir():
        raise BadInput(f"{option} {path}: there is no folder {folder}; make it first")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise BadInput(f"{option} {path}: this user may not write there")
    return path


def _newest(task: Task, *, goes_on: bool) -> Stored | None:
    earlier = task.runs.filter(status=Task.Status.COMPLETED)
    if goes_on:
        earlier = earlier.filter(number__lt=task.run)
    run = earlier.order_by("-number").first()
    return _of_site(task, run.number) if run else None


def _run(task: Task, number: int, *, goes_on: bool) -> Stored:
    run = Run.objects.filter(task=task, number=number).first()
    if run is None or (goes_on and number == task.run):
        numbers = task.runs.filter(status=Task.Status.COMPLETED).values_list("number", flat=True)
        there = ", ".join(map(str, numbers)) or "none"
        raise BadInput(
            f"--against {number}: task {task.name!r} has no earlier run {number} (completed:"
            f" {there}); a file of that name is ./{number}"
        )
    if run.status != Task.Status.COMPLETED:
        raise BadInput(f"--against {number}: run {number} is {run.status}; name a completed one")
    return _of_site(task, number)


def _of_site(task: Task, number: int) -> Stored:
    try:
        outcome = Outcome.from_data(RunResults(task, number).to_data())
    except SpecError as error:  # more experiments than are compared
        raise BadInput(f"run {number} cannot be compared: {error}") from error
    return Stored(f"run {number}", outcome)


def _file(path: Path) -> Stored:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"--against {path}: cannot be read: {error.strerror}; name a results file, or the"
            " number of a run of this task"
        ) from error
    try:
        outcome = Outcome.read(content)
    except SpecError as error:
        raise BadInput(f"--against {path}: {error}") from error
    if not outcome.has_completed:
        raise BadInput(
            f"--against {path}: its run is {outcome.status}; give the results of a completed one"
        )
    return Stored(path.name, outcome)
