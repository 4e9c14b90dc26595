"""Whether the configurations that two runs have in common score otherwise, beyond noise.

Figures differ by shares, so their logarithms are compared. One configuration is told apart where
both runs measured it at least twice: Welch's interval over the repeats. All of them together are
told apart where there are enough: each gives one ratio, and Student's interval over those holds
the noise of both runs, measured once or not; what moved one configuration alone is not seen there,
and what disturbed a whole run looks like a change.
Pure functions, but for `load`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev, variance

from scipy.special import stdtrit

from experiments_app import words
from experiments_app.models import Experiment, Measurement
from experiments_app.objective import is_maximised
from tasks_app.models import Run
from tasks_app.space import configuration_key

FEWEST_CONFIGURATIONS = 3
FIGURES = {
    "minimize_latency": "e2e_mean_s",
    "minimize_ttft": "ttft_mean_s",
    "minimize_tpot": "tpot_mean_s",
    "maximize_goodput": "good_requests_per_s",
}
THROUGHPUT = "output_tokens_per_s"
"""The figure of every other objective."""
Place = tuple[str, int]
Key = frozenset[tuple[str, object]]


@dataclass
class Measured:
    """What a run has of one configuration: by repeat the figure at each load level."""

    number: int
    parameters: Mapping[str, object]
    repeats: dict[int, dict[Place, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """The second run's figure over the first's, as a ratio - 1; `ci95` where both have repeats."""

    numbers: tuple[int, int]
    parameters: Mapping[str, object]
    change: float
    ci95: tuple[float, float] | None

    @property
    def is_told(self) -> bool | None:
        """Whether it moved beyond noise; None where that cannot be told."""
        return None if self.ci95 is None else not self.ci95[0] <= 0 <= self.ci95[1]


@dataclass(frozen=True)
class Moves:
    """`figure` is what was compared, `of` and `to` are the letters of the runs."""

    of: str
    to: str
    figure: str
    more_is_better: bool
    each: tuple[Move, ...]

    @property
    def overall(self) -> Move | None:
        """All configurations together; None where there are too few of them."""
        logs = [math.log1p(move.change) for move in self.each]
        if len(logs) < FEWEST_CONFIGURATIONS:
            return None
        middle, sd = fmean(logs), stdev(logs)
        half = float(stdtrit(len(logs) - 1, 0.975)) * sd / math.sqrt(len(logs))
        interval = (math.expm1(middle - half), math.expm1(middle + half))
        return Move((0, 0), {}, math.expm1(middle), interval)

    @property
    def verdict(self) -> str:
        """In one sentence."""
        if not self.each:
            return f"{self.to} and {self.of} measured no configuration at the same load."
        count = len(self.each)
        said = f"{count} configuration{'s' if count > 1 else ''} measured in both"
        overall = self.overall
        if overall is None or overall.ci95 is None:
            return (
                f"{said}: too few to tell a change of all of them from noise"
                f" ({FEWEST_CONFIGURATIONS} are needed)."
            )
        low, high = (words.percent(end) for end in overall.ci95)
        figures = f"{words.percent(overall.change)} in {self.figure} (95%: {low} to {high})"
        if not overall.is_told:
            return f"{said}, from {self.of} to {self.to} {figures}: no change beyond noise."
        better = (overall.change > 0) is self.more_is_better
        return (
            f"{said}, from {self.of} to {self.to} {figures}:"
            f" {'better' if better else 'worse'} beyond noise."
        )

    @property
    def shown(self) -> list[Move]:
        """The largest changes first."""
        return sorted(self.each, key=lambda move: -abs(math.log1p(move.change)))


def moves(
    letters: tuple[str, str],
    objective: str,
    first: Mapping[Key, Measured],
    second: Mapping[Key, Measured],
) -> Moves:
    """Of the configurations in both, at the load levels that all of their repeats have."""
    found = [_move(first[key], second[key]) for key in first if key in second]
    figure = figure_of(objective)
    return Moves(
        of=letters[0],
        to=letters[1],
        figure=FIGURE_WORDS[figure],
        more_is_better=is_maximised(objective),
        each=tuple(move for move in found if move is not None),
    )


FIGURE_WORDS = {
    THROUGHPUT: "output tokens/s",
    "good_requests_per_s": "goodput",
    "e2e_mean_s": "mean E2E latency",
    "ttft_mean_s": "mean TTFT",
    "tpot_mean_s": "mean TPOT",
}


def figure_of(objective: str) -> str:
    return FIGURES.get(objective, THROUGHPUT)


def load(run: Run) -> dict[Key, Measured]:
    """The successes of a run, with the objective's figure of each repeat and load level."""
    figure = figure_of(run.task_spec.optimization.objective)
    rows = Measurement.objects.filter(
        experiment__task=run.task_id,
        experiment__run=run.number,
        experiment__repeat=1,
        experiment__status=Experiment.Status.SUCCESS,
        experiment__reused_from=None,  # or its own figures would be compared with themselves
        **{f"{figure}__gt": 0},
    ).values_list(
        "experiment__number",
        "experiment__parameters",
        "repeat",
        "scenario",
        "concurrency",
        figure,
    )
    found: dict[Key, Measured] = {}
    for number, parameters, repeat, scenario, concurrency, value in rows:
        measured = found.setdefault(configuration_key(parameters), Measured(number, parameters))
        measured.repeats.setdefault(repeat, {})[scenario, concurrency] = value
    return found


def _move(first: Measured, second: Measured) -> Move | None:
    """None where no load level is in both."""
    if not (places := _places([*first.repeats.values(), *second.repeats.values()])):
        # Some repeats have other levels: the first times alone, then.
        once = [list(one.repeats.values())[:1] for one in (first, second)]
        if not (places := _places([*once[0], *once[1]])):
            return None
        old, new = (_logs(repeats, places) for repeats in once)
    else:
        old, new = (_logs(one.repeats.values(), places) for one in (first, second))
    change = math.expm1(fmean(new) - fmean(old))
    return Move((first.number, second.number), first.parameters, change, _interval(old, new))


def _places(repeats: Sequence[Mapping[Place, float]]) -> set[Place]:
    return set.intersection(*(set(repeat) for repeat in repeats)) if repeats else set()


def _logs(repeats: Iterable[Mapping[Place, float]], places: set[Place]) -> list[float]:
    """Of each repeat the mean logarithm over the levels."""
    return [fmean(math.log(repeat[place]) for place in places) for repeat in repeats]


def _interval(old: Sequence[float], new: Sequence[float]) -> tuple[float, float] | None:
    if min(len(old), len(new)) < 2 or stdev(old) + stdev(new) == 0:
        return None
    change = fmean(new) - fmean(old)
    squares = [variance(logs) / len(logs) for logs in (old, new)]
    parts = (s**2 / (len(logs) - 1) for s, logs in zip(squares, (old, new), strict=True))
    df = sum(squares) ** 2 / sum(parts)  # Welch's, of variances that need not be the same
    half = float(stdtrit(df, 0.975)) * math.sqrt(sum(squares))
    return math.expm1(change - half), math.expm1(change + half)
