"""One line of the experiments table: what happened to a configuration, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from experiments_app import words
from experiments_app.models import Experiment
from tasks_app.expressions import Scalar


@dataclass(frozen=True)
class Cell:
    """The value of one parameter; `text` is empty where the engine decides by itself."""

    name: str
    text: str
    differs: bool


@dataclass(frozen=True)
class Row:
    """One experiment as its table shows it; `experiment` is None for one that is only planned.

    `state` names the state for the style sheet, `label` for people; `detail` explains it.
    `gain` compares with the baseline; `is_noise`: it may be none. `times` is how often it was
    measured, `interval` the 95 % interval of its score in words, where it was compared in a final.
    """

    number: int
    experiment: Experiment | None
    state: str
    label: str
    detail: str
    cells: tuple[Cell, ...]
    gain: float | None = None
    is_best: bool = False
    is_noise: bool = False
    times: int = 1
    interval: str = ""

    @property
    def is_baseline(self) -> bool:
        return self.number == 0

    @property
    def is_active(self) -> bool:
        return self.experiment is not None and self.experiment.current_status.is_active

    @property
    def score(self) -> float | None:
        return self.experiment.objective_score if self.experiment else None

    @property
    def bound(self) -> float | None:
        """The best score that a pruned one could have had."""
        return self.experiment.bound if self.experiment else None


def planned_row(number: int, names: Iterable[str]) -> Row:
    cells = tuple(Cell(name, "", differs=False) for name in names)
    return Row(number, None, "planned", "planned", "", cells)


def cells_of(
    parameters: Mapping[str, Scalar], baseline: Mapping[str, Scalar], names: Iterable[str]
) -> tuple[Cell, ...]:
    return tuple(_cell(name, parameters.get(name), baseline.get(name)) for name in names)


def _cell(name: str, value: Scalar, default: Scalar) -> Cell:
    text = "" if value is None else words.flag_value(value)
    return Cell(name, text, differs=value is not None and value != default)


def state_name(experiment: Experiment) -> str:
    """The state alone, of many at once."""
    if experiment.status == Experiment.Status.SUCCESS and not experiment.feasible:
        return "infeasible"
    return str(experiment.status)


def state_of(experiment: Experiment) -> tuple[str, str, str]:
    """State, label and detail of a Row."""
    status = experiment.current_status
    match status:
        case Experiment.Status.DEPLOYING | Experiment.Status.BENCHMARKING:
            return status.value, "running", words.phase(_without_counts(experiment.progress))
        case Experiment.Status.SUCCESS if not experiment.feasible:
            excess = experiment.slo_excess
            by = f" by {excess:.0%}" if excess is not None else ""
            return "infeasible", "infeasible", f"misses an SLO{by}"
        case Experiment.Status.SUCCESS if experiment.reused_from_id is not None:
            return status.value, "reused", reused_words(experiment)
        case Experiment.Status.SUCCESS:
            return status.value, "measured", load_in_words(experiment.load_search)
        case Experiment.Status.FAILED:
            return (
                status.value,
                "failed",
                f"{words.cause(experiment.error_kind)}: {experiment.error}",
            )
        case _:
            return status.value, status.label.lower(), experiment.error


def reused_words(experiment: Experiment) -> str:
    """`reused from run 1 #4`, or "" for what was measured."""
    if experiment.reused_from_id is None:
        return ""
    run, number = (getattr(experiment, f"source_{what}", None) for what in ("run", "number"))
    if run is None and (source := experiment.reused_from):
        run, number = source.run, source.number
    return f"reused from run {run} #{number}"


def load_in_words(load_search: Mapping[str, Any]) -> str:
    """What each scenario was found to carry; named where there are several."""
    told = {scenario: words.load_found(found) for scenario, found in load_search.items()}
    if len(told) < 2:
        return "".join(told.values())
    return "; ".join(f"{scenario} {answer}" for scenario, answer in told.items())


def _without_counts(progress: Mapping[str, Any]) -> dict[str, Any]:
    """The line that says what happens now counts requests and bytes; a table is not drawn anew
    for each."""
    counted = {"requests_total", "total_bytes", "layers"}
    return {name: value for name, value in progress.items() if name not in counted}
