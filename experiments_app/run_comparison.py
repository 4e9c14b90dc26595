"""Whole runs beside each other, of one task or of several: what was asked, what came out.

Whether that may be compared at all is said in `warnings`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from experiments_app import provenance, run_moves, words
from experiments_app.comparison import Line, Value, metric_lines
from experiments_app.models import Experiment, Measurement
from experiments_app.objective import is_maximised
from experiments_app.overview import TaskOverview
from experiments_app.provenance_words import lines
from experiments_app.run_moves import Moves
from experiments_app.run_warnings import warnings_of
from tasks_app.models import Run, Task
from tasks_app.spec_diff import changes

MAX_RUNS = 6
LETTERS = "ABCDEF"
LONGEST_NAME = 28


@dataclass(frozen=True)
class RunKey:
    """As it stands in an address: `12.3` is the third run of task 12."""

    task: int
    run: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        task, _, run = text.partition(".")
        numbers = [n for n in (task, run) if n.isascii() and n.isdecimal() and len(n) < 10]
        return cls(int(task), int(run)) if len(numbers) == 2 else None

    def __str__(self) -> str:
        return f"{self.task}.{self.run}"


@dataclass(frozen=True)
class ComparedRun:
    """`shown` is the experiment that stands for the run: its best, or its default."""

    letter: str
    overview: TaskOverview
    shown: Experiment | None
    measured: Sequence[Measurement]

    @property
    def key(self) -> RunKey:
        return RunKey(self.overview.task.pk, self.overview.run)

    @property
    def name(self) -> str:
        """Short enough for a legend."""
        task = self.overview.task.name
        short = task if len(task) <= LONGEST_NAME else f"{task[: LONGEST_NAME - 1]}…"
        return f"{self.letter} · {short}" + (f" run {self.overview.run}" if self.has_more else "")

    @property
    def has_more(self) -> bool:
        return self.overview.task.run > 1

    @property
    def best_score(self) -> float | None:
        return self.overview.best.objective_score if self.overview.best else None

    @property
    def default_score(self) -> float | None:
        return self.overview.baseline.objective_score if self.overview.baseline else None


@dataclass(frozen=True)
class Difference:
    """A key of the task file and what each run has there; None where it is not set."""

    key: str
    values: tuple[str | None, ...]
    is_hidden: bool


@dataclass(frozen=True)
class RunComparison:
    """The first of `runs` is what the others are compared with."""

    runs: tuple[ComparedRun, ...]

    @classmethod
    def load(cls, keys: Sequence[RunKey], *, of_default: bool = False) -> Self:
        """Those that there are, in the order that they are asked for."""
        tasks = Task.objects.in_bulk({key.task for key in keys})
        known = [key for key in keys if key.task in tasks]
        numbers = {
            (run.task_id, run.number)
            for task in tasks.values()
            for run in task.runs.only("task_id", "number")
        }
        overviews = [
            TaskOverview.load(tasks[key.task], key.run)
            for key in known
            if (key.task, key.run) in numbers
        ]
        chosen = [o.baseline if of_default else o.answer for o in overviews]
        whole = Experiment.objects.in_bulk([e.pk for e in chosen if e])
        shown = [whole.get(e.pk) if e else None for e in chosen]
        rows = Measurement.objects.filter(experiment__in=[e for e in shown if e], counts=True)
        rows = rows.defer("samples")
        measured: dict[int, list[Measurement]] = {}
        for row in rows:
            measured.setdefault(row.experiment_id, []).append(row)
        return cls(
            tuple(
                ComparedRun(letter, overview, one, measured.get(one.pk, []) if one else [])
                for letter, overview, one in zip(LETTERS, overviews, shown, strict=False)
            )
        )

    @cached_property
    def warnings(self) -> list[str]:
        return warnings_of([run.overview for run in self.runs], [run.shown for run in self.runs])

    @cached_property
    def has_one_objective(self) -> bool:
        return len({run.overview.objective for run in self.runs}) == 1

    @cached_property
    def differences(self) -> list[Difference]:
        """What the runs were asked for where that is not the same in all; secrets are masked."""
        documents = [run.overview.spec.to_data() for run in self.runs]
        found: dict[str, list[str | None]] = {}
        hidden = set()
        for index, document in enumerate(documents[1:], start=1):
            for change in changes(documents[0], document):
                values = found.setdefault(change.key, [change.before] * len(documents))
                values[index] = change.after
                if change.is_hidden:
                    hidden.add(change.key)
        return [Difference(key, tuple(v), key in hidden) for key, v in found.items()]

    @cached_property
    def outcome(self) -> list[Line]:
        """What came out of each run, compared with the first."""
        runs = self.runs
        return [
            Line("Best score", "", tuple(self._scores([run.best_score for run in runs]))),
            Line("Default's score", "", tuple(self._scores([run.default_score for run in runs]))),
            Line("Gain over its default", "", tuple(Value(_gain(run)) for run in runs)),
            Line("Experiments", "", tuple(Value(_ended(run.overview)) for run in runs)),
            Line("Time", "", tuple(Value(_elapsed(run.overview)) for run in runs)),
        ]

    @cached_property
    def machines(self) -> list[Line]:
        """What it ran on, as far as that is known."""
        lines = [
            ("Machine", [e.owner_host if e else "" for e in self._shown]),
            ("GPUs", [str(len(e.gpu_ids) or "") if e else "" for e in self._shown]),
            ("Driver", [e.driver_version if e else "" for e in self._shown]),
            ("Engine version", [e.engine_version if e else "" for e in self._shown]),
        ]
        return [_texts(name, texts) for name, texts in lines if any(texts)]

    @cached_property
    def provenance(self) -> list[Line]:
        """What the runs were made with where that is not the same in all; empty where nothing
        differs, or nothing is known."""
        told = [lines(provenance.whole(run)) for run in self._runs]
        names = dict.fromkeys(name for one in told for name in one)
        compared = [_texts(name, [one.get(name, "") for one in told]) for name in names]
        return [line for line in compared if line.differs]

    @cached_property
    def moves(self) -> list[Moves]:
        """Of each run against the first, where the objectives are the same."""
        if not self.has_one_objective:
            return []
        first, *others = self._runs
        objective = self.runs[0].overview.objective
        measured = run_moves.load(first)
        return [
            run_moves.moves((self.runs[0].letter, run.letter), objective, measured, other)
            for run, other in zip(self.runs[1:], map(run_moves.load, others), strict=True)
        ]

    @cached_property
    def _runs(self) -> list[Run]:
        keys = [(run.key.task, run.key.run) for run in self.runs]
        rows = Run.objects.filter(task__in={task for task, _ in keys}).select_related("task")
        found = {(run.task_id, run.number): run for run in rows}
        return [found[key] for key in keys]

    @cached_property
    def configurations(self) -> list[Line]:
        """The flags of the experiments that stand for their runs, those that differ first."""
        names = dict.fromkeys(name for e in self._shown if e for name in e.parameters)
        lines = [_texts(name, [_flag(e, name) for e in self._shown], code=True) for name in names]
        return sorted(lines, key=lambda line: not line.differs)

    @cached_property
    def levels(self) -> list[tuple[str, list[Line]]]:
        """Every metric at each load level that two or more of them were measured at."""
        points: dict[tuple[str, int], int] = {}
        for run in self.runs:
            for place in dict.fromkeys((m.scenario, m.concurrency) for m in run.measured):
                points[place] = points.get(place, 0) + 1
        return [
            (f"{place[0]} at concurrency {place[1]}", metric_lines(self._at(*place)))
            for place, count in points.items()
            if count > 1
        ]

    @property
    def _shown(self) -> list[Experiment | None]:
        return [run.shown for run in self.runs]

    def _at(self, scenario: str, concurrency: int) -> list[list[Measurement]]:
        place = (scenario, concurrency)
        return [
            [m for m in run.measured if (m.scenario, m.concurrency) == place] for run in self.runs
        ]

    def _scores(self, scores: Sequence[float | None]) -> Iterator[Value]:
        first = scores[0]
        for run, score in zip(self.runs, scores, strict=True):
            if score is None:
                yield Value("")
                continue
            text = words.score(score, run.overview.objective)
            if run is self.runs[0] or not first or score == first or not self.has_one_objective:
                yield Value(text)
                continue
            change = score / first - 1
            better = (change > 0) is is_maximised(run.overview.objective)
            yield Value(text, differs=True, change=change, is_better=better)


def keys_of(texts: Sequence[str]) -> list[RunKey]:
    """Each once; what is not the key of a run is left out."""
    return list(dict.fromkeys(key for text in texts if (key := RunKey.parse(text))))


def _gain(run: ComparedRun) -> str:
    gain = run.overview.gain
    return "" if gain is None else words.percent(gain)


def _ended(overview: TaskOverview) -> str:
    return f"{overview.finished} of {overview.total}"


def _elapsed(overview: TaskOverview) -> str:
    return "" if overview.elapsed_s is None else words.duration(overview.elapsed_s)


def _flag(experiment: Experiment | None, name: str) -> str:
    flags: Mapping[str, Any] = experiment.parameters if experiment else {}
    return "" if flags.get(name) is None else words.flag_value(flags[name])


def _texts(name: str, texts: Sequence[str], *, code: bool = False) -> Line:
    alike = len(set(texts)) < 2
    return Line(name, "", tuple(Value(text, differs=not alike) for text in texts), code)
