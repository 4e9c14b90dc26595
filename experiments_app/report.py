"""What there is to say about one experiment: for its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from experiments_app import logs, objective, words
from experiments_app.best import gain_of
from experiments_app.charts.usage import UsagePanel, UsageRow, usage_panels, usage_rows
from experiments_app.confidence.marks import (
    Mark,
    interval_of,
    interval_words,
    marks_of,
    too_few,
)
from experiments_app.executions import Execution, executions_of
from experiments_app.final_result import Final
from experiments_app.gpus import gpu_labels, gpu_names
from experiments_app.launch_plan import image_of
from experiments_app.models import Experiment, Measurement
from experiments_app.over_repeats import OverRepeats, RepeatedLevel, repeated_levels
from experiments_app.pricing import price_of
from experiments_app.quality.shown import ShownAnswers
from experiments_app.results import closest_miss
from experiments_app.rows import Cell, cells_of, state_of
from experiments_app.usage_file import Usage, read_usage
from experiments_app.waiting import waiting_reason
from tasks_app.models import Run, Task
from tasks_app.runtimes import RuntimeFileError, load_runtime
from tasks_app.spec import TaskSpec

LOG_BYTES = 32 * 1024
SHORT_ID = 12  # as Docker itself shortens the ids of containers
LATENCIES = (("ttft", "TTFT"), ("tpot", "TPOT"), ("e2e", "E2E latency"))
STATISTICS = ("mean", "p50", "p90", "p95", "p99")
RATES = ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s")
OVER_REPEATS = ("output_tokens_per_s", "ttft_mean_s", "tpot_mean_s", "e2e_mean_s")
"""Shown over all repeats, besides what the SLO bounds."""


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval in words, and why it has no upper bound; both may be ""."""

    value: float | None
    interval: str = ""
    too_few: str = ""


@dataclass(frozen=True)
class Latency:
    """One kind of latency at one load level, in seconds: a figure for each of STATISTICS."""

    name: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class MeasuredLevel:
    """A row of the table of measurements, and what must be known of it."""

    row: Measurement
    rates: tuple[Figure, ...]
    latencies: tuple[Latency, ...]
    marks: tuple[Mark, ...]

    @classmethod
    def of(cls, row: Measurement, slo: Mapping[str, float]) -> Self:
        latencies = {
            name: tuple(_figure(row, f"{key}_{statistic}_s") for statistic in STATISTICS)
            for key, name in LATENCIES
        }
        figures = {name: getattr(row, name, None) for name in slo}
        return cls(
            row=row,
            rates=tuple(_figure(row, name) for name in RATES),
            latencies=tuple(Latency(name, figures) for name, figures in latencies.items()),
            marks=tuple(marks_of(row, figures, slo)),
        )

    @property
    def has_intervals(self) -> bool:
        return bool(self.row.conditions.get("intervals"))


@dataclass(frozen=True)
class Fact:
    """Something about what was started; `is_code` for what is copied and compared."""

    name: str
    value: str
    is_code: bool = False


@dataclass(frozen=True)
class ExperimentReport:
    """An experiment with its measurements, what it used, and the end of its server's log.

    `gpus`: its GPUs in words. `waiting_for`: what keeps a pending one from being run.
    """

    experiment: Experiment
    spec: TaskSpec
    baseline: Experiment | None
    measurements: tuple[Measurement, ...]
    miss: str
    log: logs.Part
    usage: tuple[UsagePanel, ...] = ()
    gpus: tuple[str, ...] = ()
    waiting_for: str = ""
    repair: Experiment | None = None
    is_chosen: bool = False
    run_goes_on: bool = False
    final: Final | None = None
    original: Experiment | None = None
    executions: tuple[Execution, ...] = ()
    repeated: tuple[RepeatedLevel, ...] = ()

    @classmethod
    def load(cls, experiment: Experiment) -> Self:
        run = Run.objects.get(task=experiment.task, number=experiment.run)
        siblings = Experiment.objects.of_run(experiment.task, experiment.run)
        # A repeat has no word on it of its own: None.
        infeasible = experiment.status == Experiment.Status.SUCCESS and experiment.feasible is False
        spec = run.task_spec
        original = experiment.original()
        # A verification keeps its figures itself.
        of_run = tuple(original.measurements.defer("samples"))
        measured = of_run
        if experiment.is_verification:
            measured = tuple(experiment.measurements.defer("samples"))
        gpu_ids = experiment.gpu_ids
        return cls(
            experiment=experiment,
            spec=spec,
            baseline=siblings.filter(number=0).first(),
            measurements=tuple(
                row for row in measured if row.repeat == experiment.repeat or original is experiment
            ),
            miss=closest_miss(spec, experiment) if infeasible else "",
            log=_log_of(experiment),
            usage=usage_panels(_usage_of(experiment), gpu_labels(gpu_ids) if gpu_ids else {}),
            gpus=tuple(gpu_names(gpu_ids)) if gpu_ids else (),
            waiting_for=waiting_reason(experiment),
            repair=experiment.repairs.first() if experiment.error_kind else None,
            is_chosen=run.chosen_number == experiment.number,
            run_goes_on=Task.Status(run.status).is_under_way,
            final=Final.from_data(run.final),
            original=original,
            executions=tuple(executions_of(original, of_run, shown=experiment)),
            repeated=tuple(repeated_levels(measured)),
        )

    @property
    def objective(self) -> str:
        return self.spec.optimization.objective

    @property
    def name(self) -> str:
        name = f"Experiment {self.experiment.number}" if self.experiment.number else "Baseline"
        done = "verified" if self.experiment.is_verification else "measured again"
        if self.experiment.is_verification and self.is_open:
            done = "being verified"
        again = f", {done} ({self.experiment.repeat})" if self.experiment.is_repeat else ""
        return f"{name}{again}"

    @cached_property
    def state(self) -> tuple[str, str, str]:
        if self.experiment.is_repeat:
            return Execution(self.experiment, None, is_shown=True).state
        return state_of(self.experiment)

    @property
    def interval(self) -> str:
        """Within what the true gain over the default lies, where the final has told."""
        if self.final is None or not self.final.is_done or self.experiment.is_repeat:
            return ""
        estimate = self.final.estimate_of(self.experiment.number)
        return words.interval(estimate.gain_ci95) if estimate and estimate.gain_ci95 else ""

    @property
    def gain(self) -> float | None:
        if self.experiment.is_baseline:
            return None
        return gain_of(self.objective, self.experiment, self.baseline, self.final)

    @property
    def bound_words(self) -> str:
        return "at most" if objective.is_maximised(self.objective) else "at least"

    @property
    def loads(self) -> list[tuple[str, str]]:
        """Each scenario with the load that was found for it."""
        return [
            (name, words.load_found(found)) for name, found in self.experiment.load_search.items()
        ]

    @property
    def num_measured(self) -> int:
        """How many of its executions have ended with figures."""
        success = Experiment.Status.SUCCESS
        return sum(one.experiment.status == success for one in self.executions)

    @property
    def is_open(self) -> bool:
        return not self.experiment.current_status.is_finished

    @property
    def phases(self) -> list[tuple[str, float]]:
        return [
            (name.replace("_", "-"), seconds)
            for name, seconds in self.experiment.phases_s.items()
            if seconds is not None
        ]

    @property
    def facts(self) -> list[Fact]:
        """What was started, and on what; only what is known."""
        experiment = self.experiment
        facts = (
            Fact("Image", self.image, is_code=True),
            Fact("Image digest", experiment.image_digest, is_code=True),
            Fact("Engine version", experiment.engine_version),
            Fact("GPUs", "\n".join(self.gpus)),
            Fact("Driver", experiment.driver_version),
            Fact("Container", experiment.container_id[:SHORT_ID], is_code=True),
            Fact("Port", str(experiment.port or "")),
        )
        return [fact for fact in facts if fact.value]

    @property
    def image(self) -> str:
        if self.spec.deployment_mode != "docker":
            return ""
        try:
            return image_of(self.spec, load_runtime(self.spec.base_runtime))
        except RuntimeFileError:  # a runtime of this site that was removed since
            return ""

    @property
    def answers(self) -> ShownAnswers:
        return ShownAnswers(self.experiment.quality, self.baseline.quality if self.baseline else {})

    @property
    def has_cost(self) -> bool:
        return any(row.cost_per_million_tokens is not None for row in self.measurements)

    @property
    def has_energy(self) -> bool:
        return any(row.joules_per_token is not None for row in self.measurements)

    @property
    def currency(self) -> str:
        """Of the price that the figures were made with."""
        price = price_of(self.spec)
        return price.currency if price else ""

    @property
    def usage_rows(self) -> list[UsageRow]:
        return usage_rows(self.usage)

    @property
    def cells(self) -> tuple[Cell, ...]:
        flags = self.experiment.parameters
        default = self.baseline.parameters if self.baseline else {}
        return cells_of(flags, default, flags)

    @cached_property
    def levels(self) -> tuple[MeasuredLevel, ...]:
        return tuple(MeasuredLevel.of(row, self.spec.slo) for row in self.measurements)

    @property
    def has_intervals(self) -> bool:
        return any(level.has_intervals for level in self.levels)

    @property
    def grave_marks(self) -> list[tuple[Measurement, Mark]]:
        return [(level.row, mark) for level in self.levels for mark in level.marks if mark.is_grave]

    @property
    def other_marks(self) -> list[tuple[Measurement, Mark]]:
        marks = [(level.row, mark) for level in self.levels for mark in level.marks]
        return [(row, mark) for row, mark in marks if not mark.is_grave]

    @cached_property
    def repeated_names(self) -> list[str]:
        """The figures that are shown over all repeats."""
        known = set().union(*(level.figures for level in self.repeated))
        names = dict.fromkeys((*OVER_REPEATS, *self.spec.slo))
        return [name for name in names if name in known]

    @property
    def repeated_titles(self) -> list[tuple[str, str]]:
        """Title and unit of each of them."""
        return [
            ("Output", "tokens/s") if name == OVER_REPEATS[0] else (words.latency(name), "s")
            for name in self.repeated_names
        ]

    @property
    def repeated_rows(self) -> list[tuple[RepeatedLevel, list[tuple[OverRepeats | None, str]]]]:
        """Each level with its figures, and their intervals in words."""
        return [
            (level, [_over_repeats(level.figures.get(name)) for name in self.repeated_names])
            for level in self.repeated
        ]

    @property
    def statistics(self) -> tuple[str, ...]:
        return STATISTICS

    @property
    def words(self) -> str:
        if not self.is_open:
            return self.state[1]
        return self.waiting_for or words.phase(self.experiment.progress)


def _figure(row: Measurement, name: str) -> Figure:
    interval = interval_of(row, name)
    return Figure(
        getattr(row, name),
        interval_words(interval) if interval else "",
        too_few(row, name),
    )


def _over_repeats(found: OverRepeats | None) -> tuple[OverRepeats | None, str]:
    return found, interval_words(found.ci95) if found else ""


def _log_of(experiment: Experiment) -> logs.Part:
    if not experiment.log_path:
        return logs.Part(b"", 0, 0)
    return logs.tail(Path(experiment.log_path), LOG_BYTES)


def _usage_of(experiment: Experiment) -> Usage:
    if not experiment.result_folder:
        return Usage()
    usage = read_usage(Path(experiment.result_folder))
    return usage if experiment.current_status.is_finished else usage.settled()
