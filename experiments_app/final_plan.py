"""Who is in a final, and how many rounds it may have. Pure functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments_app.differences import FEWEST_ROUNDS, Noise
from tasks_app.space import Scalar

MOST_LEADERS = 3
MOST_ROUNDS = 8
USUAL_NOISE = Noise(0.02, 1)
"""Of a repeat, as long as nothing was measured twice."""
LEAST_NOISE = 0.01
PLAIN_GAIN = 0.15
"""So large a gain shows in two rounds: the time is spent better on more leaders."""


@dataclass(frozen=True)
class Candidate:
    """`value`: the logarithm of its score, more being better; `cost_s`: of an execution."""

    number: int
    value: float
    cost_s: float


@dataclass(frozen=True)
class Plan:
    contenders: tuple[int, ...]
    rounds: int


def plan(
    default: Candidate, others: Sequence[Candidate], noise: Noise | None, budget_s: float
) -> Plan | None:
    """The default and those of the others that could be the best, given the noise.

    As many of them as can have rounds enough within the budget, at least one. None where none of
    them comes near the best.

    Each execution starts the engine once and measures once: of two stages of sampling with a start
    of S and a measurement of M seconds the best number of measurements for each start is
    √(S/M · within²/between²) (Cochran, Sampling Techniques, 1977, ch. 10.6), which for alike
    variances is 1 up to a start that takes twice as long as a measurement.
    """
    best = max([default, *others], key=lambda one: one.value).value
    sd = max((noise or USUAL_NOISE).sd, LEAST_NOISE)
    margin = 2 * math.sqrt(2) * sd
    near = [one for one in others if one.value >= best - margin]
    near.sort(key=lambda one: (-one.value, one.number))
    if not near:
        return None
    is_plain = near[0].value - default.value > math.log1p(PLAIN_GAIN)
    wanted = FEWEST_ROUNDS if is_plain else FEWEST_ROUNDS + 1
    for count in range(min(len(near), MOST_LEADERS), 0, -1):
        chosen = [default, *near[:count]]
        rounds = int(budget_s / max(sum(one.cost_s for one in chosen), 1e-6))
        if rounds >= wanted or count == 1:
            break
    contenders = tuple(sorted(one.number for one in chosen))
    return Plan(contenders, min(max(rounds, FEWEST_ROUNDS), MOST_ROUNDS))


def order_of_round(contenders: Sequence[int], at: int) -> list[int]:
    """Every second round goes backwards: what changes evenly with time favours none."""
    return list(contenders) if at % 2 else list(reversed(contenders))


def changed_flags(
    parameters: Mapping[str, Scalar],
    baseline: Mapping[str, Scalar],
    defaults: Mapping[str, Scalar],
) -> list[str]:
    """The flags that differ from the default's, those being left out which say what the engine
    does anyway."""
    return sorted(
        name
        for name, value in parameters.items()
        if value != baseline.get(name, defaults.get(name))
    )
