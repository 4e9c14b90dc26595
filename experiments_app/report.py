"""What there is to say about one experiment: for its page."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from experiments_app import logs, objective, words
from experiments_app.models import Experiment, Measurement
from experiments_app.results import closest_miss
from experiments_app.rows import Cell, cells_of, state_of
from tasks_app.models import Run
from tasks_app.spec import TaskSpec

LOG_BYTES = 32 * 1024
LATENCIES = (("ttft", "TTFT"), ("tpot", "TPOT"), ("e2e", "E2E latency"))
STATISTICS = ("mean", "p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Latency:
    """One kind of latency at one load level, in seconds: a value for each of STATISTICS."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class ExperimentReport:
    """An experiment with its measurements and the end of its server's log."""

    experiment: Experiment
    spec: TaskSpec
    baseline: Experiment | None
    measurements: tuple[Measurement, ...]
    miss: str
    log: str

    @classmethod
    def load(cls, experiment: Experiment) -> Self:
        run = Run.objects.get(task=experiment.task, number=experiment.run)
        siblings = Experiment.objects.of_run(experiment.task, experiment.run)
        infeasible = experiment.status == Experiment.Status.SUCCESS and not experiment.feasible
        spec = run.task_spec
        return cls(
            experiment=experiment,
            spec=spec,
            baseline=siblings.filter(number=0).first(),
            measurements=tuple(experiment.measurements.defer("samples")),
            miss=closest_miss(spec, experiment) if infeasible else "",
            log=logs.tail(Path(experiment.log_path), LOG_BYTES).text if experiment.log_path else "",
        )

    @property
    def objective(self) -> str:
        return self.spec.optimization.objective

    @property
    def name(self) -> str:
        return "Baseline" if self.experiment.is_baseline else f"Experiment {self.experiment.number}"

    @cached_property
    def state(self) -> tuple[str, str, str]:
        return state_of(self.experiment)

    @property
    def gain(self) -> float | None:
        if self.baseline is None or self.experiment.is_baseline:
            return None
        return objective.gain(
            self.objective, self.experiment.objective_score, self.baseline.objective_score
        )

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
    def cells(self) -> tuple[Cell, ...]:
        flags = self.experiment.parameters
        default = self.baseline.parameters if self.baseline else {}
        return cells_of(flags, default, flags)

    @property
    def latencies(self) -> Iterable[tuple[Measurement, list[Latency]]]:
        for row in self.measurements:
            yield (
                row,
                [
                    Latency(name, tuple(getattr(row, f"{key}_{s}_s") for s in STATISTICS))
                    for key, name in LATENCIES
                ],
            )

    @property
    def statistics(self) -> tuple[str, ...]:
        return STATISTICS

    @property
    def words(self) -> str:
        return words.phase(self.experiment.progress) if self.is_open else self.state[1]
