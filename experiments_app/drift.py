"""Whether the machine is what it was: the default is measured again now and then in a search."""

import math
from collections.abc import Sequence

from experiments_app import repeats
from experiments_app.differences import LEVEL, Noise, Reading, noise_of
from experiments_app.final_result import Drift
from experiments_app.models import Experiment
from tasks_app.spec import TaskSpec

Status = Experiment.Status
MUCH = 0.05
"""A change that is told at once, as long as nothing is known of the noise."""


def next_check(spec: TaskSpec, experiments: Sequence[Experiment]) -> Experiment | None:
    """The default once more, where so many experiments were made since it was measured last.

    None where it is not due, and where there is nothing to compare with. A check that fails is not
    repeated.
    """
    every = spec.optimization.drift_check_every
    if every is None or not experiments or not experiments[0].objective_score:
        return None
    made = checks_of(experiments[0])
    due = (len(experiments) - 1) // every
    if len(made) >= due or not repeats.deciding_levels(spec, experiments[0]):
        return None
    reason = f"the default again after {len(experiments) - 1} experiments: has the machine changed?"
    return repeats.measure_again(experiments[0], Experiment.Purpose.DRIFT, reason)


def checks_of(default: Experiment) -> list[Experiment]:
    of_run = Experiment.objects.executions_of_run(default.task, default.run)
    checks = of_run.filter(number=default.number, purpose=Experiment.Purpose.DRIFT)
    return list(checks.order_by("repeat"))


def values_of(spec: TaskSpec, default: Experiment) -> list[float]:
    """What the default came to in the search and in each check, as logarithms, more being better.

    A first measurement that is reused from an earlier run is none of this one.
    """
    reference = repeats.reference_of(spec, default)
    numbers = [1, *(e.repeat for e in checks_of(default) if e.status == Status.SUCCESS)]
    found = (repeats.reading_of(spec, default, number, reference) for number in numbers)
    return [value for value in found if value is not None]


def noise_before_final(spec: TaskSpec, default: Experiment) -> Noise | None:
    """What the default's own repeats in the search tell of the noise, drift included."""
    return noise_of(values_of(spec, default))


def found(
    spec: TaskSpec, default: Experiment, readings: Sequence[Reading], noise: Noise
) -> Drift | None:
    """How the default changed from the search to the final, against the noise of a repeat."""
    before = values_of(spec, default)
    now = [one.value for one in readings if one.number == default.number]
    if not before or not now or noise.df == 0:
        return None
    change = math.fsum(now) / len(now) - before[0]
    half = noise.half_width(math.sqrt(1 + 1 / len(now)), LEVEL)
    interval = math.expm1(change - half), math.expm1(min(change + half, 50.0))
    return Drift(
        change=math.expm1(change),
        ci95=interval,
        is_real=abs(change) > half,
        checks=len(before) - 1,
    )


def in_words(spec: TaskSpec, execution: Experiment) -> str:
    """What a repeat came to, against the search's own figure, for the log."""
    original = execution.original()
    reference = repeats.reference_of(spec, original)
    first, now = (
        repeats.reading_of(spec, original, repeat, reference) for repeat in (1, execution.repeat)
    )
    if first is None or now is None:
        return "measured again"
    change = math.expm1(now - first)
    told = f"measured again: {abs(change):.1%} {'better' if change > 0 else 'worse'} than at first"
    if execution.purpose == Experiment.Purpose.DRIFT and abs(change) > MUCH:
        told += "; the machine, or what else runs on it, may have changed since"
    return told
