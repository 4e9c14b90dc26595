"""Experiments of one run side by side: what differs in how they were run and what came out."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from experiments_app import words
from experiments_app.best import best_of, gain_of
from experiments_app.final_result import Final
from experiments_app.misses import mean_of, misses_in_words
from experiments_app.models import Experiment, Measurement
from experiments_app.rows import state_of
from experiments_app.table.columns import METRICS, OF_TOKENS, PHASES
from tasks_app.models import Run, Task
from tasks_app.spec import TaskSpec

MAX_COMPARED = 6
MORE_IS_BETTER = frozenset(
    {"output_tokens_per_s", "total_tokens_per_s", "requests_per_s", "good_requests_per_s"}
)

HEADLINES = frozenset({"Output", "TTFT p99", "E2E p99"})


@dataclass(frozen=True)
class Value:
    """A cell: `differs` from the first one's. `change` of a figure, for the better or the worse."""

    text: str
    differs: bool = False
    change: float | None = None
    is_better: bool = False


@dataclass(frozen=True)
class Line:
    name: str
    unit: str
    values: tuple[Value, ...]
    is_code: bool = False

    @property
    def differs(self) -> bool:
        return any(value.differs for value in self.values)

    @property
    def is_headline(self) -> bool:
        """One of the few figures that tell of a load level before it is opened."""
        return self.name in HEADLINES


@dataclass(frozen=True)
class Compared:
    """One experiment with what the head of its column says."""

    experiment: Experiment
    state: str
    label: str
    why: str
    gain: float | None
    is_best: bool


@dataclass(frozen=True)
class Comparison:
    """The first of `experiments` is what the others are compared with."""

    task: Task
    run: int
    spec: TaskSpec
    experiments: tuple[Experiment, ...]
    measured: Mapping[int, Sequence[Measurement]]
    misses: Mapping[int, str]
    best: Experiment | None
    baseline: Experiment | None
    final: Final | None

    @classmethod
    def load(cls, task: Task, run: int, numbers: Iterable[int]) -> Self:
        """Those that there are, in order of their numbers. Raises Run.DoesNotExist."""
        started = Run.objects.get(task=task, number=run)
        spec, final = started.task_spec, Final.from_data(started.final)
        of_run = Experiment.objects.of_run(task, run)
        experiments = tuple(of_run.filter(number__in=list(numbers)).order_by("number"))
        scored = list(
            of_run.filter(objective_score__isnull=False).only("number", "objective_score")
        )
        infeasible = [e for e in experiments if e.feasible is False]
        return cls(
            task=task,
            run=run,
            spec=spec,
            experiments=experiments,
            measured=measurements_of(experiments),
            misses=misses_in_words(spec, infeasible),
            best=best_of(scored, spec.optimization.objective, final),
            baseline=next((e for e in scored if e.is_baseline), None),
            final=final,
        )

    @property
    def objective(self) -> str:
        return self.spec.optimization.objective

    @cached_property
    def heads(self) -> list[Compared]:
        return [self._head(experiment) for experiment in self.experiments]

    @cached_property
    def parameters(self) -> list[Line]:
        """Those that differ first."""
        names = dict.fromkeys(name for e in self.experiments for name in e.parameters)
        lines = [Line(name, "", _compared(self._flags(name)), is_code=True) for name in names]
        return sorted(lines, key=lambda line: not line.differs)

    @cached_property
    def phases(self) -> list[Line]:
        lines = [
            Line(title, "s", tuple(_seconds(getattr(e, key)) for e in self.experiments))
            for key, title in PHASES.items()
        ]
        return [line for line in lines if any(value.text for value in line.values)]

    @cached_property
    def levels(self) -> list[tuple[str, list[Line]]]:
        """Every metric of each load level."""
        return _levels(self.spec, [self.measured[e.pk] for e in self.experiments])

    @cached_property
    def commands(self) -> list[list[tuple[str, bool]]]:
        """The words of each command, marked where the first one's has no such word."""
        lists = [[str(word) for word in e.command] for e in self.experiments]
        first = set(lists[0]) if lists else set()
        others = set().union(*lists[1:]) if len(lists) > 1 else first
        return [
            [(shlex.quote(word), word not in (others if index == 0 else first)) for word in line]
            for index, line in enumerate(lists)
        ]

    def _flags(self, name: str) -> list[str]:
        values = [experiment.parameters.get(name) for experiment in self.experiments]
        return ["" if value is None else words.flag_value(value) for value in values]

    def _head(self, experiment: Experiment) -> Compared:
        state, label, detail = state_of(experiment)
        gain = gain_of(self.objective, experiment, self.baseline, self.final)
        return Compared(
            experiment=experiment,
            state=state,
            label=label,
            why=self.misses.get(experiment.pk, detail),
            gain=None if experiment.is_baseline else gain,
            is_best=self.best is not None and self.best.pk == experiment.pk,
        )


def levels_of(spec: TaskSpec, experiments: Sequence[Experiment]) -> list[tuple[str, list[Line]]]:
    """Every metric of each load level, compared with the first of the experiments. One query."""
    measured = measurements_of(experiments)
    return _levels(spec, [measured[experiment.pk] for experiment in experiments])


def measurements_of(experiments: Sequence[Experiment]) -> dict[int, list[Measurement]]:
    """What counts, by the experiment's pk, without the samples."""
    found: dict[int, list[Measurement]] = {experiment.pk: [] for experiment in experiments}
    rows = Measurement.objects.filter(experiment__in=experiments, counts=True)
    for row in rows.defer("samples"):
        found[row.experiment_id].append(row)
    return found


def _levels(
    spec: TaskSpec, columns: Sequence[Sequence[Measurement]]
) -> list[tuple[str, list[Line]]]:
    levels = []
    for place in _places(spec, columns):
        at_point = [
            [row for row in rows if place == (row.scenario, row.concurrency)] for rows in columns
        ]
        if any(at_point):
            levels.append((f"{place[0]} at concurrency {place[1]}", metric_lines(at_point)))
    return levels


def _places(spec: TaskSpec, columns: Sequence[Sequence[Measurement]]) -> list[tuple[str, int]]:
    """Every (scenario, concurrency) that there may be figures of."""
    if not spec.benchmark.finds_concurrency:
        return [(point.scenario, point.concurrency) for point in spec.points()]
    order = spec.benchmark.traffic_scenarios
    measured = {(row.scenario, row.concurrency) for rows in columns for row in rows}
    return sorted(measured, key=lambda place: (order.index(place[0]), place[1]))


def metric_lines(columns: Sequence[Sequence[Measurement]]) -> list[Line]:
    """`columns`: the repeats of each that is compared."""
    lines = []
    for key, (title, unit) in METRICS.items():
        values = [mean_of(repeats, key) for repeats in columns]
        if key in OF_TOKENS and not any(values):
            continue  # neither a price nor power is known
        lines.append(Line(title, unit, _figures(key, values)))
    return lines


def _figures(key: str, values: Sequence[float | None]) -> tuple[Value, ...]:
    first = values[0]
    return tuple(
        _figure(key, value, None if index == 0 else first) for index, value in enumerate(values)
    )


def _figure(key: str, value: float | None, first: float | None) -> Value:
    if value is None:
        return Value("")
    change = value / first - 1 if first else None
    if change is None or abs(change) < 0.0005:
        worse = first is not None and key == "num_errors" and value > first
        return Value(words.number(value), differs=worse)
    return Value(
        words.number(value),
        differs=True,
        change=change,
        is_better=(change > 0) == (key in MORE_IS_BETTER),
    )


def _compared(texts: Sequence[str]) -> tuple[Value, ...]:
    alike = len(set(texts)) < 2
    return tuple(Value(text, differs=not alike) for text in texts)


def _seconds(value: float | None) -> Value:
    return Value("" if value is None else f"{value:.1f}")
