import subprocess
import sys
import threading

import pytest
from django.db import connection

from experiments_app import foreground, leases
from experiments_app.foreground import run_in_foreground
from experiments_app.models import Experiment
from experiments_app.processes import ProcessIdentity
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tasks_app.spec import TaskSpec
from tests.experiments_app.own_engine import paced_data

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_engine")]


def test_it_takes_over_from_a_worker_that_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's claim stands in the row, and its process is gone when we start to wait."""
    monkeypatch.setattr(foreground, "REAP_EVERY_S", 0.2)
    task = Task.from_spec(TaskSpec.from_data(paced_data(optimization={"max_iterations": 1})))
    task.save()
    task.start()
    experiment = advance(task.pk)
    assert experiment is not None
    assert leases.claim(experiment.pk, gpus=0) is not None
    worker = subprocess.Popen([sys.executable, "-c", ""])
    started = ProcessIdentity.of(worker.pid).create_time
    worker.wait()
    Experiment.objects.update(owner_pid=worker.pid, owner_started=started)

    def run() -> None:
        try:
            run_in_foreground(task)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout=120)
    assert not thread.is_alive()
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED
    assert Experiment.objects.get(number=0).attempt == 2
