"""What a run means to a CI job: its gates, its exit code, its files."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils import timezone

from autotuner_site.commands import FAILURE, SUCCESS
from experiments_app.ci.gates import Gate, exit_fails, no_regression, not_below_baseline
from experiments_app.ci.junit import junit
from experiments_app.ci.markdown_summary import markdown_summary
from experiments_app.ci.options import Asked
from experiments_app.ci.outcome import Outcome
from experiments_app.ci.regression import Change, Stored, change_in_words, compare
from experiments_app.output_file import write_whole
from experiments_app.results import RunResults
from tasks_app.models import Task


@dataclass(frozen=True)
class Report:
    """`data`: the results of the run as `tune --json` prints them."""

    asked: Asked
    stored: Stored | None
    results: RunResults
    data: Mapping[str, Any]

    @cached_property
    def outcome(self) -> Outcome:
        return Outcome.from_data(self.data)

    @cached_property
    def change(self) -> Change | None:
        return compare(self.outcome, self.stored) if self.stored else None

    @cached_property
    def gates(self) -> list[Gate]:
        gates = []
        if self.asked.fail_below_baseline:
            gates.append(not_below_baseline(self.outcome))
        if (most := self.asked.max_regression) is not None:
            gates.append(no_regression(self.outcome, self.change, most))
        return gates

    @property
    def exit_code(self) -> int:
        completed = self.results.status == Task.Status.COMPLETED
        failed = not completed or exit_fails(self.gates, strict=self.asked.strict)
        return FAILURE if failed else SUCCESS

    def to_data(self) -> dict[str, Any]:
        """What is added to the results."""
        return {
            "gates": [gate.to_data() for gate in self.gates],
            "comparison": self.change.to_data() if self.change else None,
        }

    @property
    def lines(self) -> list[str]:
        """For the terminal."""
        told = [f"{gate.name}: {gate.finding}: {gate.why}" for gate in self.gates]
        if self.change is not None and self.asked.max_regression is None:
            told.append(_in_words(self.change))
        return told

    def write_files(self) -> list[str]:
        """Those that were asked for; what could not be written, and why."""
        made = {self.asked.junit: self._junit, self.asked.markdown: self._markdown}
        failed = []
        for path, make in made.items():
            if path is None:
                continue
            try:
                write_whole(path, [make().encode()])
            except OSError as error:
                failed.append(f"{path} cannot be written: {error.strerror or error}")
        return failed

    @property
    def _message(self) -> str:
        return self.results.started.message if self.results.started else self.results.task.message

    def _junit(self) -> str:
        started = self.results.started
        return junit(
            self.outcome,
            self.gates,
            message=self._message,
            strict=self.asked.strict,
            at=started.started_at if started else timezone.now(),
        )

    def _markdown(self) -> str:
        name = shlex.quote(self.outcome.task)
        return markdown_summary(
            self.outcome,
            self.gates,
            self.change,
            message=self._message,
            strict=self.asked.strict,
            reproduce=f"manage.py reproduce {name} --run {self.outcome.run}",
        )


def _in_words(change: Change) -> str:
    told = f"compared with {change.stored.name}: "
    if change.obstacle or change.best is None:
        return told + (change.obstacle or "one of the two answers has no score")
    why = f"; {change.unknown}" if change.unknown else ""
    return f"{told}{change_in_words(change.best)}{why}"
