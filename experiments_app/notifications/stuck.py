"""Finds runs that go on for nobody's task: they wait for what only a person can give them."""

from datetime import timedelta

from django.utils import timezone

from experiments_app.models import Experiment
from experiments_app.notifications.models import Delivery
from experiments_app.notifications.outbox import note
from experiments_app.waiting import waiting_reason
from tasks_app.models import Task

WAITS_FOR = timedelta(minutes=15)


def note_stuck() -> None:
    """Tell of each experiment that has waited for a quarter of an hour while nothing of this site
    runs: another program holds what it needs, or this machine lacks it."""
    if Experiment.objects.active().exists():
        return
    waiting = Experiment.objects.filter(
        status=Experiment.Status.PENDING,
        created_at__lt=timezone.now() - WAITS_FOR,
        task__status=Task.Status.RUNNING,
    ).select_related("task")
    for experiment in waiting:
        if reason := waiting_reason(experiment):
            note(experiment.task, Delivery.Event.WAITING, experiment.created_at, reason)
