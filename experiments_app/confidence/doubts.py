"""What must be said of an answer whose figures may not be what they seem."""

from collections.abc import Iterable

from experiments_app.confidence.steady_state import Verdict
from experiments_app.models import Experiment, Measurement

CLIENT_BOUND = "the load client, not the server, set the pace at some level"
CUT_OFF = "some answers were cut off, so that the load was not the same for all"
NOT_STEADY = "the load was not steady at some level"
UNSTEADY = {Verdict.TRENDING, Verdict.WARMING_UP}


def doubts_of(experiments: Iterable[Experiment]) -> tuple[str, ...]:
    """Those that some counted measurement of these gives cause for; one query."""
    levels = Measurement.objects.filter(experiment__in=list(experiments), counts=True).order_by()
    found = levels.values_list("client_bound", "num_cut_off", "conditions__steadiness__verdict")
    rows = list(found)
    doubts = {
        CLIENT_BOUND: any(is_bound for is_bound, _, _ in rows),
        CUT_OFF: any(cut_off for _, cut_off, _ in rows),
        NOT_STEADY: any(verdict in UNSTEADY for _, _, verdict in rows),
    }
    return tuple(doubt for doubt, is_so in doubts.items() if is_so)
