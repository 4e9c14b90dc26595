"""What must be said of an answer whose figures may not be what they seem."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from experiments_app.confidence.steady_state import Verdict
from experiments_app.final_result import Final
from experiments_app.models import Experiment, Measurement
from experiments_app.verdict import names

UNSTEADY = {Verdict.TRENDING, Verdict.WARMING_UP}


class Cause(StrEnum):
    """What was wrong at some level of an experiment."""

    CLIENT_BOUND = "the load client, not the server, set the pace at some level of"
    CUT_OFF = "answers were cut off, so that the load was not the same for all, at some level of"
    NOT_STEADY = "the load was not steady at some level of"
    DISTURBED = "something else on this machine disturbed some level of"


@dataclass(frozen=True)
class Doubt:
    """`numbers`: of the experiments that it is about."""

    cause: Cause
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.cause} {names(self.numbers)}"


def compared(
    best: Experiment | None, experiments: Iterable[Experiment], final: Final | None
) -> list[Experiment]:
    """Those whose figures make the answer: the best and the default, and all that were measured
    beside them in a final that has ended, as one of them may have lost for a wrong reason."""
    wanted = {0, best.number} if best else set()
    if best and final is not None and final.is_done:
        wanted |= set(final.contenders)
    return [experiment for experiment in experiments if experiment.number in wanted]


def doubts_of(experiments: Iterable[Experiment]) -> tuple[Doubt, ...]:
    """Those that some counted measurement of these gives cause for; one query."""
    by_key = {experiment.pk: experiment.number for experiment in experiments}
    found: Mapping[Cause, set[int]] = {cause: set() for cause in Cause}
    levels = Measurement.objects.filter(experiment__in=by_key, counts=True).order_by()
    for key, is_client_bound, num_cut_off, steadiness, is_disturbed in levels.values_list(
        "experiment",
        "client_bound",
        "num_cut_off",
        "conditions__steadiness__verdict",
        "conditions__disturbed",
    ):
        causes = {
            Cause.CLIENT_BOUND: is_client_bound,
            Cause.CUT_OFF: num_cut_off,
            Cause.NOT_STEADY: steadiness in UNSTEADY,
            Cause.DISTURBED: is_disturbed,
        }
        for cause in (cause for cause, is_so in causes.items() if is_so):
            found[cause].add(by_key[key])
    return tuple(
        Doubt(cause, (*sorted(numbers - {0}), *({0} & numbers)))
        for cause, numbers in found.items()
        if numbers
    )
