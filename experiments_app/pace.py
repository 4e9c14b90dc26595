"""How long an experiment takes: of the run itself, else of alike ones in this site's past."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from math import sqrt
from statistics import fmean, stdev

from django.core.cache import cache

from experiments_app.models import Experiment
from tasks_app.models import Task
from tasks_app.spec import TaskSpec

# The last ones say enough, and a page that follows a run must not read thousands.
LOOKED_AT = 200
TASKS_LOOKED_AT = 20
REMEMBERED_FOR_S = 60
FEWEST_FOR_A_RANGE = 3
NINE_OF_TEN = 1.645
"""Standard deviations to each side."""


def past_mean_s(spec: TaskSpec) -> float | None:
    """The mean of the latest successes here with the same runtime, model and load."""
    took = _past_s(spec)
    return fmean(took) if took else None


def _past_s(spec: TaskSpec) -> list[float]:
    data = spec.to_data()
    alike = Task.objects.filter(
        base_runtime=spec.base_runtime, model=data["model"], benchmark=data["benchmark"]
    )
    tasks = list(alike.order_by("-pk").values_list("pk", flat=True)[:TASKS_LOOKED_AT])
    ended = Experiment.objects.first_times().filter(
        task__in=tasks, status=Experiment.Status.SUCCESS
    )
    latest = ended.exclude(completed_at=None).order_by("-pk")
    return _took_s(latest.values_list("started_at", "completed_at")[:LOOKED_AT])


def past_range_s(spec: TaskSpec, experiments: int) -> tuple[float, float] | None:
    """What so many experiments take in nine of ten cases, by the spread of the past ones; None
    where too few are known. Experiments are taken to be independent of one another."""
    took = _past_s(spec)
    if len(took) < FEWEST_FOR_A_RANGE:
        return None
    spread = NINE_OF_TEN * stdev(took) * sqrt(experiments + experiments**2 / len(took))
    middle = fmean(took) * experiments
    return max(middle - spread, min(took) * experiments), middle + spread


def remembered_past_mean_s(run: str, spec: TaskSpec) -> float | None:
    """The same for a page that asks every two seconds. `run` names what it is asked for."""
    key = f"past-mean-s:{run}"
    found: tuple[float | None] | None = cache.get(key)
    if found is None:
        found = (past_mean_s(spec),)
        cache.set(key, found, REMEMBERED_FOR_S)
    return found[0]


@lru_cache(maxsize=1024)
def run_mean_s(task_pk: int, run: int, finished: int, last: datetime | None) -> float | None:
    """The mean of what has ended in a run, which `finished` and `last` tell the state of."""
    if not finished or last is None:
        return None
    times = Experiment.objects.first_times().filter(
        task=task_pk, run=run, completed_at__isnull=False
    )
    took = _took_s(times.order_by().values_list("started_at", "completed_at"))
    return fmean(took) if took else None


def _took_s(times: Iterable[tuple[datetime | None, datetime | None]]) -> list[float]:
    return [(end - start).total_seconds() for start, end in times if start and end]
