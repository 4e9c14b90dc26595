"""A failed experiment gets another try while its run goes on, and never otherwise."""

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from experiments_app import lifecycle
from experiments_app.models import Experiment
from experiments_app.scheduler import advance
from tasks_app.models import StaleState
from tests.factories import failed_task, make_user, measure, running_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed() -> Experiment:
    """The failed one of a run that goes on."""
    experiment = running_task().experiments.get(status="failed")
    Experiment.objects.exclude(status__in=["failed", "success"]).delete()
    return experiment


def test_it_is_as_if_it_had_never_begun(failed: Experiment) -> None:
    measure(failed, 10.0)  # the levels before it failed
    lifecycle.requeue_experiment(failed)
    assert failed.status == Experiment.Status.PENDING
    assert (failed.error_kind, failed.error, failed.attempt) == ("", "", 0)
    assert (failed.started_at, failed.completed_at, failed.measure_s) == (None, None, None)
    assert not failed.measurements.exists()


def test_it_is_what_the_run_does_next(failed: Experiment) -> None:
    failed.requeue()
    assert advance(failed.task_id) == failed


def test_it_wakes_the_consumer(
    failed: Experiment,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(lifecycle, "wake", woken.append)
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.requeue_experiment(failed)
    assert woken == [failed.task_id]


def test_it_is_done_once(failed: Experiment) -> None:
    twin = Experiment.objects.get(pk=failed.pk)
    failed.requeue()
    with pytest.raises(StaleState, match="only a failed"):
        twin.requeue()


def test_it_takes_no_run_up_again_that_is_over() -> None:
    experiment = failed_task().experiments.filter(status="failed").first()
    assert experiment is not None
    with pytest.raises(StaleState, match="its run is over"):
        experiment.requeue()
    experiment.refresh_from_db()
    assert experiment.status == Experiment.Status.FAILED


def test_it_leaves_the_others_alone() -> None:
    task = running_task()
    for status in ("success", "benchmarking"):
        experiment = task.experiments.filter(status=status).first()
        assert experiment is not None
        with pytest.raises(StaleState):
            experiment.requeue()


def test_the_admin_requeues_what_it_can_and_says_why_not_the_rest(
    client: Client, failed: Experiment
) -> None:
    over = failed_task().experiments.get(number=1)
    client.force_login(make_user())
    sent = {"action": "requeue", "_selected_action": [failed.pk, over.pk]}
    response = client.post("/admin/experiments_app/experiment/", sent, follow=True)
    said = [str(message) for message in response.context["messages"]]
    assert said[0] == "1 queued again."
    assert "its run is over" in said[1]
    failed.refresh_from_db()
    assert failed.status == Experiment.Status.PENDING
