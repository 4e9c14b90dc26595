"""The site's figures for Prometheus, read anew from the database for each scrape.

Nothing is counted in a process: whichever of them answers says the same, after a restart too.
"""

import platform
from collections.abc import Iterator

from django.db import connection
from django.db.models import Count, FloatField, Q, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from autotuner_site.templatetags.site import site_version
from experiments_app import consumer, disk
from experiments_app.models import Experiment
from experiments_app.monitoring.queue_lag import WORKERS, num_at_work, queue_lag_s
from experiments_app.services import QUEUE_ERRORS, ask_queue
from tasks_app.models import Task

PHASES = ("pull", "start", "warm_up", "measure", "stop")
QUALITY = "quality"


def exposition() -> bytes:
    """In Prometheus' text format. Raises django.db.Error."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SiteCollector())
    return generate_latest(registry)


class SiteCollector(Collector):
    """Gauges all of them, for what is deleted is not counted any more."""

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(
            "autotuner",
            "The version of the site, of Python and of the database.",
            {
                "version": site_version(),
                "python": platform.python_version(),
                "database": connection.vendor,
            },
        )
        yield _tasks()
        yield from _experiments()
        yield from _workers()
        yield from _disk()


def _tasks() -> Metric:
    counts = dict(Task.objects.order_by().values_list("status").annotate(Count("pk")))
    return _gauge(
        "autotuner_tasks",
        "Tasks by status, archived ones too.",
        {str(status): counts.get(status, 0) for status in Task.Status},
        label="status",
    )


def _experiments() -> Iterator[Metric]:
    sums = {name: Sum(f"{name}_s") for name in PHASES}
    answers_s = Cast(KT("quality__seconds"), FloatField())
    sums[QUALITY] = Sum(answers_s, filter=Q(reused_from=None))
    rows = Experiment.objects.order_by().values("status").annotate(count=Count("pk"), **sums)
    by_status = {row["status"]: row for row in rows}
    yield _gauge(
        "autotuner_experiments",
        "Experiments that are kept, by status.",
        {str(s): by_status.get(s, {}).get("count", 0) for s in Experiment.Status},
        label="status",
    )
    yield _gauge(
        "autotuner_experiment_phase_seconds",
        "What the experiments that are kept have taken, by phase.",
        {name: sum(row[name] or 0.0 for row in by_status.values()) for name in sums},
        label="phase",
    )


def _workers() -> Iterator[Metric]:
    yield _gauge("autotuner_workers", "Workers of the consumer.", WORKERS)
    yield _gauge("autotuner_workers_busy", "Experiments that a worker holds.", num_at_work())
    yield _gauge(
        "autotuner_consumer_up", "1 while the consumer gives signs of life.", consumer.is_alive()
    )
    age_s = consumer.heartbeat_age_s()
    if age_s is not None:
        yield _gauge(
            "autotuner_consumer_heartbeat_age_seconds",
            "Since its last sign of life; absent where the consumer ended in order.",
            age_s,
        )
    yield _gauge(
        "autotuner_queue_lag_seconds",
        "For how long a job has been due that no worker took, 0 while all of them measure.",
        queue_lag_s(),
    )
    try:
        num_jobs = ask_queue()
    except QUEUE_ERRORS:
        num_jobs = None
    yield _gauge("autotuner_queue_up", "1 while the queue answers.", num_jobs is not None)
    if num_jobs is not None:
        yield _gauge("autotuner_queue_jobs", "Jobs that wait in the queue.", num_jobs)


def _disk() -> Iterator[Metric]:
    room = disk.room()
    yield _gauge(
        "autotuner_disk_free_bytes",
        "Free where there is least: for AUTOTUNER_HOME, HF_HOME and Docker.",
        room.free_bytes,
    )
    yield _gauge(
        "autotuner_disk_least_bytes",
        "With less free every task is paused (MIN_FREE_DISK_GIB); 0: never.",
        room.least_bytes,
    )


def _gauge(
    name: str, documentation: str, value: float | dict[str, float], *, label: str = ""
) -> Metric:
    """One figure, or one for each value of `label`."""
    if not isinstance(value, dict):
        return GaugeMetricFamily(name, documentation, value=float(value))
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for key, number in value.items():
        family.add_metric([key], number)
    return family
