"""What a run has cost: experiments by what became of them, time by phase, GPU hours."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from experiments_app import words
from experiments_app.models import Experiment

PHASES: Mapping[str, str] = {
    "pull": "pulling the image",
    "start": "starting the engine",
    "warm_up": "warming up",
    "quality": "comparing answers",
    "measure": "measuring",
    "stop": "stopping",
}
_COUNTS: tuple[str, ...] = ("measured", "reused", "pruned", "failed", "cancelled")


@dataclass(frozen=True)
class Spent:
    """Experiments that have ended, and seconds.

    `engine_s` is the time in which experiments were under way, `phases_s` what their phases took
    of it; `wall_s` goes from the start of the run to its end, or to now, pauses left out. An
    experiment that was reused was measured in an earlier run, and has cost this one nothing.
    `search_s`, `drift_s` and `final_s` are `engine_s` by what was measured for; `repeats` are the
    times that something was measured again, which the counts of experiments leave out.
    """

    measured: int
    reused: int
    pruned: int
    failed: int
    cancelled: int
    phases_s: Mapping[str, float]
    engine_s: float
    wall_s: float | None
    gpu_hours: float
    repeats: int = 0
    search_s: float = 0.0
    drift_s: float = 0.0
    final_s: float = 0.0

    @classmethod
    def of(
        cls, experiments: Iterable[Experiment], *, now: datetime, wall_s: float | None = None
    ) -> Self:
        """`experiments`: all that was started, repeats included."""
        counts = dict.fromkeys(_COUNTS, 0)
        by_purpose = {str(purpose): 0.0 for purpose in Experiment.Purpose}
        repeats = 0
        phases_s = dict.fromkeys(PHASES, 0.0)
        engine_s = gpu_s = 0.0
        for experiment in experiments:
            if (kind := _kind(experiment)) is not None:
                if experiment.is_repeat:
                    repeats += 1
                else:
                    counts[kind] += 1
            if experiment.reused_from_id is not None or experiment.started_at is None:
                continue
            for phase, took_s in experiment.phases_s.items():
                phases_s[phase] += took_s or 0.0
            took = max(
                ((experiment.completed_at or now) - experiment.started_at).total_seconds(), 0
            )
            engine_s += took
            by_purpose[experiment.purpose] += took
            gpu_s += took * len(experiment.gpu_ids)
        return cls(
            **counts,
            phases_s={phase: round(took_s, 1) for phase, took_s in phases_s.items()},
            engine_s=round(engine_s, 1),
            wall_s=None if wall_s is None else round(wall_s, 1),
            gpu_hours=round(gpu_s / 3600, 4),
            repeats=repeats,
            search_s=round(by_purpose[Experiment.Purpose.SEARCH], 1),
            drift_s=round(by_purpose[Experiment.Purpose.DRIFT], 1),
            final_s=round(by_purpose[Experiment.Purpose.FINAL], 1),
        )

    def to_data(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def counts_words(self) -> str:
        """`12 measured, 1 failed`"""
        counted = ((getattr(self, name), name) for name in _COUNTS)
        return ", ".join(f"{count} {name}" for count, name in counted if count) or "none yet"

    @property
    def phases_words(self) -> str:
        """`40 s starting the engine, 4 min 10 s measuring`"""
        return ", ".join(self._phases())

    def _phases(self) -> Iterator[str]:
        for phase, name in PHASES.items():
            if self.phases_s[phase] >= 1:
                yield f"{words.duration(self.phases_s[phase])} {name}"

    @property
    def again_words(self) -> str:
        """What it took to measure again: `2 min 10 s for the final, 40 s for watching drift`;
        empty where nothing was."""
        parts = (("the final", self.final_s), ("watching drift", self.drift_s))
        return ", ".join(f"{words.duration(s)} for {what}" for what, s in parts if s)

    @property
    def gpu_words(self) -> str:
        """`1.25 GPU hours`; empty where no GPU was used."""
        return f"{self.gpu_hours:.3g} GPU hours" if self.gpu_hours else ""


def _kind(experiment: Experiment) -> str | None:
    """As what it is counted; None while it has not ended."""
    match experiment.current_status:
        case Experiment.Status.SUCCESS:
            return "measured" if experiment.reused_from_id is None else "reused"
        case Experiment.Status.FAILED | Experiment.Status.PRUNED | Experiment.Status.CANCELLED:
            return experiment.current_status.value
        case _:
            return None
