"""The final as its run's page shows it: a line for each contender, drift, flags put back."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from experiments_app import verdict, words
from experiments_app.final_plan import changed_flags
from experiments_app.final_result import Estimate, Final, FinalVerdict, Undo
from experiments_app.models import Experiment
from experiments_app.rows import Cell, cells_of
from tasks_app.runtimes import site_runtimes
from tasks_app.space import Scalar
from tasks_app.spec import TaskSpec

MOST_NAMED = 5
MARGIN = 4.0
"""Percent of the drawing that stay free on each side of the intervals."""


@dataclass(frozen=True)
class Span:
    """A gain and its interval as a drawing of the width 100 has them; `zero` is the default."""

    low: float
    high: float
    middle: float
    zero: float

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class FinalLine:
    """A contender. `cells` are the flags in which it differs from the default, `measured` how
    often it was measured in the final."""

    number: int
    experiment: Experiment | None
    measured: int
    cells: tuple[Cell, ...]
    estimate: Estimate | None = None
    span: Span | None = None
    is_winner: bool = False
    is_tied: bool = False

    @property
    def gain_interval(self) -> str:
        bounds = self.estimate.gain_ci95 if self.estimate else None
        return words.interval(bounds) if bounds else ""

    @property
    def score_interval(self) -> str:
        bounds = self.estimate.score_ci95 if self.estimate else None
        return " to ".join(map(words.number, bounds)) if bounds else ""


@dataclass(frozen=True)
class UndoLine:
    """What putting one changed flag back did to the winner. `is_left_out`: the recommended
    configuration lacks it."""

    undo: Undo
    experiment: Experiment | None
    is_left_out: bool = False

    @property
    def interval(self) -> str:
        return words.interval(self.undo.ci95) if self.undo.ci95 else ""

    @property
    def says(self) -> str:
        undo = self.undo
        if undo.change is None:
            if self.experiment is not None and self.experiment.feasible is False:
                return "needed: misses the SLO without it"
            return "kept: could not be measured without it"
        if not undo.is_needed:
            return "left out" if self.is_left_out else "can be left out"
        if undo.ci95 is None or undo.ci95[1] < 0:
            return "needed: worse without it"
        return "kept: not shown to be as good without it"


@dataclass(frozen=True)
class FinalView:
    """`experiments` of the run by number; `repeats`: all that was measured again; `defaults` of
    the engine's flags."""

    final: Final
    experiments: Mapping[int, Experiment]
    repeats: Sequence[Experiment]
    spec: TaskSpec
    defaults: Mapping[str, Scalar]

    @classmethod
    def of(
        cls,
        final: Final,
        experiments: Iterable[Experiment],
        repeats: Sequence[Experiment],
        spec: TaskSpec,
    ) -> "FinalView":
        runtime = site_runtimes().find(spec.base_runtime)
        by_number = {e.number: e for e in experiments}
        return cls(final, by_number, repeats, spec, runtime.defaults if runtime else {})

    @property
    def verdict(self) -> str:
        """Its name, for the template; "" while the final goes on."""
        return str(self.final.verdict) if self.final.is_done and self.final.verdict else ""

    @property
    def how_sure(self) -> str:
        return verdict.how_sure(self.final)

    @property
    def state(self) -> str:
        """How far it is, or how it ended, for the head of its panel."""
        rounds = self.final.rounds
        told = f"{rounds} round{'' if rounds == 1 else 's'}"
        spent = f" in {words.duration(self.final.engine_s)}" if self.final.engine_s else ""
        if not self.final.is_done:
            return f"goes on: {told} ended{spent}"
        return f"the leaders and the default, measured again in turn: {told}{spent}"

    @cached_property
    def lines(self) -> list[FinalLine]:
        """The winner first, then by gain; the default last, and what has no figure after it."""
        numbers = list(self.final.contenders)
        if self.final.simplified_from is not None and self.final.winner not in numbers:
            numbers.append(self.final.winner or 0)
        return sorted(map(self._line, numbers), key=_rank)

    @property
    def undo_words(self) -> str:
        """What came of the undo test, above its table; "" where nothing was left out."""
        source = self.final.simplified_from
        if source is None:
            return ""
        flags = " and ".join(self.final.left_out)
        return (
            f"Experiment {source} won the rounds. Without {flags} it is as good as far as can be"
            f" told: experiment {self.final.winner} is recommended, as it changes fewer flags."
        )

    @property
    def has_estimates(self) -> bool:
        return bool(self.final.estimates)

    @property
    def noise_words(self) -> str:
        if self.final.noise is None:
            return ""
        return (
            f"One measurement of the same configuration differs from the next by about"
            f" {self.final.noise:.1%}."
        )

    @property
    def drift_words(self) -> str:
        drift = self.final.drift
        if drift is None:
            return ""
        change = f"{words.percent(drift.change)} (95%: {words.interval(drift.ci95)})"
        told = f"the default's own score changed by {change} from the search to the final"
        if drift.checks:
            again = "once more" if drift.checks == 1 else f"{drift.checks} times more"
            told = f"measured {again}, {told}"
        if drift.is_real:
            return (
                f"This machine changed during the run: {told}. Scores of the search that lie far"
                " apart in time are not quite comparable; the final compares in turn, so that its"
                " verdict holds."
            )
        return f"No drift: {told}, which is within the noise."

    @property
    def once_words(self) -> str:
        """That others have a better score by one measurement; "" where none has."""
        won = self.final.won
        if won is None or not won.score:
            return ""
        known = {*self.final.contenders, won.number}
        others = [
            number
            for number, one in self.experiments.items()
            if number not in known and one.objective_score and self._beats(one, won.score)
        ]
        if not others:
            return ""
        told = ", ".join(map(str, others[:MOST_NAMED]))
        if len(others) > MOST_NAMED:
            told += f" and {len(others) - MOST_NAMED} more"
        return (
            f"Better by a single measurement, but behind the leaders in the search and so not"
            f" compared: {told}."
        )

    def _beats(self, one: Experiment, score: float) -> bool:
        return ((one.objective_score or 0.0) > score) is self.spec.optimization.maximises

    @cached_property
    def undone(self) -> list[UndoLine]:
        left_out = self.final.left_out
        return [
            UndoLine(undo, self.experiments.get(undo.number), undo.flag in left_out)
            for undo in self.final.undo
        ]

    @cached_property
    def _measured(self) -> Counter[int]:
        ended = Experiment.Status.SUCCESS
        return Counter(
            e.number
            for e in self.repeats
            if e.purpose == Experiment.Purpose.FINAL and e.status == ended
        )

    def _line(self, number: int) -> FinalLine:
        experiment = self.experiments.get(number)
        default = self.experiments.get(0)
        estimate = self.final.estimate_of(number)
        flags = experiment.parameters if experiment else {}
        baseline = default.parameters if default else {}
        changed = changed_flags(flags, baseline, self.defaults)
        cells = cells_of(flags, baseline, (name for name in flags if name in changed))
        return FinalLine(
            number=number,
            experiment=experiment,
            measured=estimate.repeats if estimate else self._measured[number],
            cells=cells,
            estimate=estimate,
            span=self._span(estimate),
            is_winner=self.final.is_done and number == self.final.winner,
            is_tied=self.final.verdict is FinalVerdict.TIE and number in self.final.tied,
        )

    @cached_property
    def _scale(self) -> tuple[float, float]:
        """The lowest and highest gain to be drawn."""
        gains = [0.0]
        for estimate in self.final.estimates:
            gains += estimate.gain_ci95 or ()
        return min(gains), max(gains)

    def _span(self, estimate: Estimate | None) -> Span | None:
        if estimate is None or estimate.gain is None or estimate.gain_ci95 is None:
            return None
        lowest, highest = self._scale
        if lowest == highest:
            return None

        def place(gain: float) -> float:
            within = (gain - lowest) / (highest - lowest)
            return round(MARGIN + (100 - 2 * MARGIN) * within, 2)

        low, high = estimate.gain_ci95
        return Span(place(low), place(high), place(estimate.gain), place(0.0))


def _rank(line: FinalLine) -> tuple[bool, bool, float, int]:
    gain = line.estimate.gain if line.estimate else None
    return (not line.is_winner, line.number == 0, -(gain or 0.0), line.number)
