"""The undo test: flags of a final's winner are put back, one after the other, as the default has
them. What can be left out without a loss is left out of what is recommended.

Each flag is tried on what the flags before it have left, so that what stays in the end was measured
as a whole. A configuration without a flag is an experiment of the run, measured at all levels once,
and then again as often as the winner was in the final, in turn with the winner and with the same
requests: whatever makes the machine slower or faster meanwhile reaches both. It takes the winner's
place where

* the winner is not better than it beyond noise,
* its own figure is not below the winner's by more than what matters (`differences.MATTERS`), and
* it is better than the default beyond noise, as a winner is.

It is always compared with the winner of the final and never with the one before it, so that small
losses do not add up. By how much it is better than the default is what the winner was in the
rounds and what it is beside the winner.
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
from experiments_app.final_result import Estimate, Final, Undo
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
        state: Final,
    ) -> None:
        self._spec = spec
        self._winner, self._default = experiments[winner], experiments[0]
        self._by_key = {configuration_key(e.parameters): e for e in experiments.values()}
        self._defaults = defaults
        self._comparison = comparison
        self._seen = seen
        self._state = state

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
        if self._comparison.times(tried.number):  # a contender, measured in turn with the winner
            found = (self._value(tried, at) for at in self._rounds(tried))
            values = [value for value in found if value is not None]
            compared = [over(values, one.number, self._comparison) for one in self._both if values]
        else:
            times = len(self._rounds(tried))
            if not times:
                first = self._first(tried)
                if first is None:
                    return stays, None
                undo = self._at_first_look(stays, tried, first)
                if undo is not None and (self._is_worse(undo) or tried.status == Status.PRUNED):
                    return undo, None
            failures = self._seen.undo_failures.get(tried.number, 0)
            broke_slo = times >= FEWEST_ROUNDS and not tried.feasible
            if times < self._wanted and failures < MOST_FAILURES and not broke_slo:
                return None, None
            if times < self._wanted:
                return stays, None
            pairs = list(self._pairs(tried))
            values = [value for value, _ in pairs]
            compared = [
                beside(pairs, one.number, self._winner.number, self._comparison)
                for one in self._both
                if pairs
            ]
        if not compared or not tried.feasible:
            return stays, None
        over_winner, over_default = compared
        undo = _told(stays, over_winner)
        if not is_as_good(over_winner, over_default):
            return undo, None
        estimate = self._estimate(tried, values, over_default)
        return replace(undo, is_needed=False), estimate

    def _at_first_look(self, stays: Undo, tried: Experiment, first: float) -> Undo | None:
        """By its first measurement and the winner right after it; None before that is measured."""
        winner = self._winner.number
        if tried.status == Status.PRUNED:
            return _told(stays, over([first], winner, self._comparison))
        begun = self._state.undo_rounds_of(tried.number)
        at = next((at for at in begun if (winner, at) in self._seen.done), None)
        beside_it = None if at is None else self._value(self._winner, at)
        if beside_it is None:
            return None
        return _told(stays, beside([(first, beside_it)], winner, winner, self._comparison))

    @property
    def _both(self) -> tuple[Experiment, Experiment]:
        return self._winner, self._default

    @property
    def _wanted(self) -> int:
        """How often it is measured again."""
        times = self._comparison.times(self._winner.number)
        return max(min(times, MOST_REPEATS), FEWEST_ROUNDS)

    def _rounds(self, tried: Experiment) -> list[int]:
        """Those of this final that it was measured in; of the undo test, the winner as well."""
        done = self._seen.done
        ours = [at for number, at in sorted(done) if number == tried.number]
        return [
            at
            for at in ours
            if at >= self._state.first_round
            and (self._state.undo_of(at) is None or (self._winner.number, at) in done)
        ]

    def _pairs(self, tried: Experiment) -> Iterator[tuple[float, float]]:
        """What it came to in each round, and the winner beside it."""
        for at in self._rounds(tried):
            value, beside_it = self._value(tried, at), self._value(self._winner, at)
            if value is not None and beside_it is not None:
                yield value, beside_it

    def _value(self, one: Experiment, at: int) -> float | None:
        """As a logarithm, more being better."""
        reference = repeats.reference_of(self._spec, one)
        again = self._seen.done[one.number, at]
        return repeats.reading_of(self._spec, one, again, reference)

    def _first(self, tried: Experiment) -> float | None:
        """What the search's way of measuring gave, or the best that a pruned one could have had."""
        if tried.status == Status.PRUNED and tried.bound:
            value = math.log(tried.bound)
            return value if self._spec.optimization.maximises else -value
        if not tried.feasible:
            return None
        reference = repeats.reference_of(self._spec, tried)
        return repeats.reading_of(self._spec, tried, 1, reference)

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


def _told(stays: Undo, over_winner: Difference) -> Undo:
    return replace(stays, change=over_winner.gain, ci95=over_winner.gain_ci95)


def is_as_good(over_winner: Difference, over_default: Difference) -> bool:
    """Whether a configuration without a flag may take the winner's place."""
    worse = over_winner.value + over_winner.half_width < 0
    return not worse and over_winner.gain >= -MATTERS and over_default.is_told


def over(values: Sequence[float], other: int, comparison: Comparison) -> Difference:
    """By how much these readings are better than a contender, by the noise of all."""
    times = comparison.times(other)
    half = _noise(values, comparison).half_width(math.sqrt(1 / len(values) + 1 / times))
    return Difference(math.fsum(values) / len(values) - comparison.mean(other), half)


def beside(
    pairs: Sequence[tuple[float, float]], other: int, winner: int, comparison: Comparison
) -> Difference:
    """By how much what was measured in turn with the winner, the first of each pair, is better than
    a contender: than the winner by the pairs alone, than another by what the winner is as well.

    What is common to both of a pair is not in their difference, whose noise is that of two
    readings.
    """
    changes = [value - beside_it for value, beside_it in pairs]
    own = noise_of(changes)
    noise = pooled(comparison.noise, own and Noise(own.sd / math.sqrt(2), own.df))
    value, variance = math.fsum(changes) / len(changes), 2 / len(changes)
    if other != winner:
        value += comparison.difference(winner, other).value
        variance += 1 / comparison.times(winner) + 1 / comparison.times(other)
    return Difference(value, noise.half_width(math.sqrt(variance)))


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
