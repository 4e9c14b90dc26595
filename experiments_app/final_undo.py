"""The undo test: flags of a final's winner are put back, one after the other, as the default has
them. What can be left out without a loss is left out of what is recommended.

Each flag is tried on what the flags before it have left, so that what stays in the end was measured
as a whole. A configuration without a flag is an experiment of the run, measured at all levels once,
and then again as often as the winner was in the final, with the same requests. It takes the
winner's place where

* the winner is not better than it beyond noise,
* its own figure is not below the winner's by more than what matters (`differences.MATTERS`), and
* it is better than the default beyond noise, as a winner is.

It is always compared with the winner of the final and never with the one before it, so that small
losses do not add up.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from experiments_app import repeats, task_log
from experiments_app.differences import (
    FEWEST_ROUNDS,
    MATTERS,
    Comparison,
    Difference,
    Noise,
    noise_of,
    pooled,
)
from experiments_app.final_plan import changed_flags
from experiments_app.final_result import Estimate, Undo
from experiments_app.final_state import MOST_FAILURES, Seen
from experiments_app.models import Experiment
from tasks_app.models import Run, Task
from tasks_app.space import Scalar, configuration_key
from tasks_app.spec import TaskSpec

Status = Experiment.Status
MOST_REPEATS = 3


@dataclass(frozen=True)
class Missing:
    """What must be measured before more can be said: a configuration that was not tried, or, where
    `number` says which, one that must be measured again."""

    flag: str
    parameters: Mapping[str, Scalar]
    number: int | None = None


@dataclass(frozen=True)
class Outcome:
    """`undo`: what is known of each flag by now. `simplest`: the experiment that takes the winner's
    place, with how it compares with the default; None where every flag stays."""

    undo: tuple[Undo, ...]
    missing: Missing | None = None
    simplest: Estimate | None = None


class UndoTest:
    """`experiments` of the run by number. One that was tried in the search is not made again."""

    def __init__(
        self,
        spec: TaskSpec,
        experiments: Mapping[int, Experiment],
        *,
        defaults: Mapping[str, Scalar],
        winner: int,
        comparison: Comparison,
        seen: Seen,
        first_round: int = 1,
    ) -> None:
        self._spec = spec
        self._winner, self._default = experiments[winner], experiments[0]
        self._by_key = {configuration_key(e.parameters): e for e in experiments.values()}
        self._defaults = defaults
        self._comparison = comparison
        self._seen = seen
        self._first_round = first_round

    def outcome(self) -> Outcome:
        kept = self._winner.parameters
        found: list[Undo] = []
        simplest = None
        for flag in changed_flags(kept, self._default.parameters, self._defaults):
            parameters = self._without(flag, kept)
            tried = self._by_key.get(configuration_key(parameters))
            if tried is None:
                return Outcome(tuple(found), Missing(flag, parameters))
            undo, estimate = self._judge(flag, tried)
            if undo is None:
                return Outcome(tuple(found), Missing(flag, parameters, tried.number))
            found.append(undo)
            if estimate is not None:
                kept, simplest = parameters, estimate
        return Outcome(tuple(found), None, simplest)

    def _without(self, flag: str, parameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
        kept = {name: value for name, value in parameters.items() if name != flag}
        default = self._default.parameters
        return kept | ({flag: default[flag]} if flag in default else {})

    def _judge(self, flag: str, tried: Experiment) -> tuple[Undo | None, Estimate | None]:
        """None, None: it must be measured again first. An Estimate where the flag is left out."""
        stays = Undo(flag, tried.number, None, None, is_needed=True)
        if not self._comparison.times(tried.number):  # it is no contender
            times = len(self._repeats(tried))
            if not times:
                first = self._first(tried)
                if first is None:
                    return stays, None
                undo = self._undo(stays, [first])
                if self._is_worse(undo) or tried.status == Status.PRUNED:
                    return undo, None
            failures = self._seen.failures.get(tried.number, 0)
            broke_slo = times >= FEWEST_ROUNDS and not tried.feasible
            if times < self._wanted and failures < MOST_FAILURES and not broke_slo:
                return None, None
            if times < self._wanted:
                return stays, None
        values = list(self._values(tried))
        if not values or not tried.feasible:
            return stays, None
        undo = self._undo(stays, values)
        over_winner = over(values, self._winner.number, self._comparison)
        over_default = over(values, self._default.number, self._comparison)
        if not is_as_good(over_winner, over_default):
            return undo, None
        estimate = self._estimate(tried, values, over_default)
        return replace(undo, is_needed=False), estimate

    @property
    def _wanted(self) -> int:
        """How often it is measured again."""
        times = self._comparison.times(self._winner.number)
        return max(min(times, MOST_REPEATS), FEWEST_ROUNDS)

    def _repeats(self, tried: Experiment) -> list[int]:
        """Those of this final."""
        done = sorted(self._seen.done.items())
        return [
            again
            for (number, at), again in done
            if number == tried.number and at >= self._first_round
        ]

    def _values(self, tried: Experiment) -> Iterator[float]:
        """What those came to, as logarithms, more being better."""
        reference = repeats.reference_of(self._spec, tried)
        for again in self._repeats(tried):
            value = repeats.reading_of(self._spec, tried, again, reference)
            if value is not None:
                yield value

    def _first(self, tried: Experiment) -> float | None:
        """What the search's way of measuring gave, or the best that a pruned one could have had."""
        if tried.status == Status.PRUNED and tried.bound:
            value = math.log(tried.bound)
            return value if self._spec.optimization.maximises else -value
        if not tried.feasible:
            return None
        reference = repeats.reference_of(self._spec, tried)
        return repeats.reading_of(self._spec, tried, 1, reference)

    def _undo(self, stays: Undo, values: Sequence[float]) -> Undo:
        found = over(values, self._winner.number, self._comparison)
        return replace(stays, change=found.gain, ci95=found.gain_ci95)

    @staticmethod
    def _is_worse(undo: Undo) -> bool:
        return undo.ci95 is not None and undo.ci95[1] < 0

    def _estimate(
        self, tried: Experiment, values: Sequence[float], over_default: Difference
    ) -> Estimate:
        score = tried.objective_score or 0.0
        half = _noise(values, self._comparison).half_width(1 / math.sqrt(len(values)))
        changed = changed_flags(tried.parameters, self._default.parameters, self._defaults)
        return Estimate(
            number=tried.number,
            repeats=len(values),
            score=score,
            score_ci95=(score * math.exp(-half), score * math.exp(half)),
            gain=over_default.gain,
            gain_ci95=over_default.gain_ci95,
            changed_flags=len(changed),
        )


def is_as_good(over_winner: Difference, over_default: Difference) -> bool:
    """Whether a configuration without a flag may take the winner's place."""
    worse = over_winner.value + over_winner.half_width < 0
    return not worse and over_winner.gain >= -MATTERS and over_default.is_told


def over(values: Sequence[float], other: int, comparison: Comparison) -> Difference:
    """By how much these readings are better than a contender, by the noise of all."""
    times = comparison.times(other)
    half = _noise(values, comparison).half_width(math.sqrt(1 / len(values) + 1 / times))
    return Difference(math.fsum(values) / len(values) - comparison.mean(other), half)


def _noise(values: Sequence[float], comparison: Comparison) -> Noise:
    return pooled(comparison.noise, noise_of(values))


def make(run: Run, missing: Missing, winner: int, number: int) -> Experiment | None:
    """A pending experiment beyond the search's budget; None where the run does not go on."""
    reason = f"the winner, #{winner}, without {missing.flag}: is it needed?"
    task = run.task
    try:
        with transaction.atomic():
            if not Task.objects.filter(pk=task.pk, run=run.number).running().exists():
                return None
            made = Experiment.objects.create(
                task=task,
                run=run.number,
                number=number,
                purpose=Experiment.Purpose.FINAL,
                parameters=dict(missing.parameters),
                reason=reason,
            )
    except IntegrityError:  # another worker was first
        return Experiment.objects.of_run(task, run.number).get(number=number)
    task_log.write(task.pk, f"chosen: {reason}", run=run.number, number=number)
    return made
