"""What verifying an experiment starts and leaves alone; here with made-up figures."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from experiments_app import leases, lifecycle, load_levels, reaper, repeats, verification
from experiments_app.level_choice import GivenLevels
from experiments_app.models import Experiment, ResourceLease
from experiments_app.results import RunResults
from experiments_app.scheduler import advance
from experiments_app.standing import Standing
from experiments_app.verification_outcome import found
from experiments_app.verification_words import sentence, verdict_of
from tasks_app.models import Run, StaleState, Task
from tests.experiments_app import made_up
from tests.experiments_app.specs import saved_task
from tests.factories import make_user, running_task
from tests.pages import text_of

pytestmark = pytest.mark.django_db
Status = Experiment.Status


def ended_task(**changes: Any) -> Task:
    """The default at 100, one configuration at 130 with three readings each in the final."""
    data: dict[str, Any] = {
        "parameters": {"threads": [1]},
        "optimization": {"max_iterations": 1, "confirm": True, "confirm_budget": 5.0},
        "benchmark": {"num_concurrency": [1, 4]},
    }
    task = saved_task(**(data | changes))
    task.start(gpus=0)
    noise = iter([1.0, 1.0, 1.01, 0.99, 1.0, 1.0, 0.99, 1.01, 1.0, 1.0] * 5)
    made_up.run_to_the_end(task, {0: 100.0, 1: 130.0}, lambda _execution: next(noise))
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED
    return task


def best_of(task: Task) -> Experiment:
    return Experiment.objects.of_run(task).get(number=1)


def end(execution: Experiment, rate: float, *, ttft_s: float = 0.1) -> Experiment:
    """As a worker would end it, measured at `rate`."""
    made_up.begin(execution)
    spec = Run.objects.get(task=execution.task_id, number=execution.run).task_spec
    choice = load_levels.choice_for(execution, spec)
    assert isinstance(choice, GivenLevels)
    levels = [made_up.level(s, c, rate, ttft_s) for s, c in choice.levels]
    with transaction.atomic():
        repeats.keep(spec, execution, levels)
        told = found(spec, execution)
        execution.succeed_again(made_up.TOKEN, verification=told, measure_s=2.0)
    execution.refresh_from_db()
    return execution


def told(execution: Experiment) -> str:
    return sentence(execution, Run.objects.get(task=execution.task).task_spec)


def everything(task: Task) -> dict[str, Any]:
    """The answer of its run, and what led there."""
    data = RunResults(task).to_data()
    return {key: value for key, value in data.items() if key not in {"verifications", "spent"}} | {
        "spent": {key: value for key, value in data["spent"].items() if key != "wall_s"},
        "rows": list(Experiment.objects.executions_of_run(task).order_by("pk").values()),
        "task": Task.objects.filter(pk=task.pk).values().get(),
        "run": Run.objects.filter(task=task).values().get(),
    }


def test_it_measures_the_same_levels_and_says_that_the_promise_is_kept() -> None:
    task = ended_task()
    execution = verification.verify(best_of(task), wake_consumer=False)
    assert (execution.number, execution.purpose, execution.status) == (1, "verify", "pending")
    assert execution.parameters == best_of(task).parameters
    end(execution, 129.0)
    assert verdict_of(execution) == "kept"
    assert told(execution).startswith("kept: 129.0 against 130.0 tokens/s (0.8% worse, where ")
    assert execution.measurements.get().repeat == execution.repeat


def test_what_is_slower_beyond_noise_is_not_kept() -> None:
    execution = end(verification.verify(best_of(ended_task()), wake_consumer=False), 100.0)
    assert verdict_of(execution) == "not kept"
    assert "23.1% worse), because that is more than" in told(execution)


def test_a_broken_slo_is_named() -> None:
    task = ended_task(slo={"ttft_p90_s": 0.5})
    execution = verification.verify(best_of(task), wake_consumer=False)
    end(execution, 131.0, ttft_s=0.75)
    assert verdict_of(execution) == "not kept"
    assert "because TTFT p90 is 0.75" in told(execution)
    kept = end(verification.verify(best_of(task), wake_consumer=False), 131.0)
    assert told(kept).endswith("every SLO held")


def test_the_run_stays_as_it_was() -> None:
    task = ended_task()
    before = everything(task)
    execution = verification.verify(best_of(task), wake_consumer=False)
    standing = Standing.load(task)
    assert (standing.open_one, standing.is_followed, standing.percent) == (None, False, 100)
    assert everything(task) == before
    end(execution, 60.0)
    assert everything(task) == before
    made_up.begin(verification.verify(best_of(task), wake_consumer=False)).fail(
        made_up.TOKEN, kind="crashed", error="it crashed"
    )
    assert everything(task) == before
    assert advance(task.pk) is None


def test_it_is_in_the_exports_with_its_figures() -> None:
    task = ended_task()
    end(verification.verify(best_of(task), wake_consumer=False), 129.0)
    (data,) = RunResults(task).to_data()["verifications"]
    assert (data["number"], data["verdict"], data["status"]) == (1, "kept", "success")
    assert data["promised"] == pytest.approx(130.0, rel=0.01)
    assert data["measurements"][0]["output_tokens_per_s"] == 129.0


def test_a_server_that_does_not_start_any_more_keeps_nothing() -> None:
    task = ended_task()
    for kind, verdict in (("crashed", "not kept"), ("docker_unreachable", "not clear")):
        execution = made_up.begin(verification.verify(best_of(task), wake_consumer=False))
        execution.fail(made_up.TOKEN, kind=kind, error="what it said\nand more")
        assert verdict_of(execution) == verdict
        assert told(execution) == (
            f"{verdict}: it could not be measured again ({kind}): what it said"
        )


def test_what_differs_from_then_is_said() -> None:
    task = ended_task()
    original = best_of(task)
    changes = {"port": 8000, "engine_version": "b1", "owner_host": "here"}
    old = [*["engine", "--port", "8000", "--ctx", "8000"]]
    Experiment.objects.filter(pk=original.pk).update(command=old, **changes)
    execution = verification.verify(original, wake_consumer=False)
    new = [*["engine", "--port", "8001", "--ctx", "4096"]]
    changes = {"port": 8001, "engine_version": "b2", "owner_host": "here"}
    Experiment.objects.filter(pk=execution.pk).update(command=new, **changes)
    end(execution, 130.0)
    assert execution.verification["differences"] == [
        {"name": "Measured with: Engine version", "before": "b1", "now": "b2"},
        {"name": "Command", "before": "8000", "now": "4096"},
    ]


def test_its_page_says_whether_it_has_ended(browser: Client) -> None:
    execution = verification.verify(best_of(ended_task()), wake_consumer=False)
    text = text_of(browser.get(f"/experiments/{execution.pk}/"))
    assert "<h1>Experiment 1, being verified (5)</h1>" in text
    assert "Measured 4 times" in text
    end(execution, 129.0)
    text = text_of(browser.get(f"/experiments/{execution.pk}/"))
    assert "<h1>Experiment 1, verified (5)</h1>" in text
    assert "Measured 5 times" in text
    assert "Not feasible" not in text


def test_two_clicks_start_one() -> None:
    original = best_of(ended_task())
    first = verification.verify(original, wake_consumer=False)
    assert verification.verify(original, wake_consumer=False) == first


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_was_not_measured_promises_nothing(status: str) -> None:
    original = best_of(ended_task())
    Experiment.objects.filter(pk=original.pk).update(
        status=status, objective_score=None, feasible=None
    )
    original.refresh_from_db()
    with pytest.raises(StaleState, match="Nothing was promised"):
        verification.verify(original, wake_consumer=False)


def test_nothing_is_verified_while_the_run_goes_on() -> None:
    original = running_task().experiments.get(number=1)
    with pytest.raises(StaleState, match="when it has ended"):
        verification.verify(original, wake_consumer=False)


def test_a_worker_may_take_it_though_the_task_has_ended() -> None:
    execution = verification.verify(best_of(ended_task()), wake_consumer=False)
    claim = leases.claim(execution.pk, gpus=0)
    assert claim is not None
    assert leases.claim(execution.pk, gpus=0) is None


def test_it_waits_while_another_one_has_the_machine() -> None:
    held = made_up.begin(running_task().experiments.get(number=4))
    ResourceLease.objects.create(
        host=leases.this_host(), resource=leases.WHOLE_HOST, experiment=held, token=made_up.TOKEN
    )
    execution = verification.verify(best_of(ended_task()), wake_consumer=False)
    assert leases.claim(execution.pk, gpus=0) is None
    execution.refresh_from_db()
    assert execution.status == Status.PENDING


def claimed(execution: Experiment) -> leases.Claim:
    claim = leases.claim(execution.pk, gpus=0)
    assert claim is not None
    execution.refresh_from_db()
    return claim


def test_a_dead_worker_s_is_queued_again() -> None:
    execution = verification.verify(best_of(ended_task()), wake_consumer=False)
    claimed(execution)
    past = timezone.now() - timedelta(seconds=1)
    Experiment.objects.filter(pk=execution.pk).update(lease_expires_at=past)
    assert reaper.reap().requeued == 1
    execution.refresh_from_db()
    assert (execution.status, execution.attempt) == (Status.PENDING, 1)
    assert leases.claim(execution.pk, gpus=0) is not None


def test_a_pending_one_ends_when_it_is_cancelled() -> None:
    execution = verification.verify(best_of(ended_task()), wake_consumer=False)
    verification.cancel(execution)
    execution.refresh_from_db()
    assert execution.status == Status.CANCELLED
    assert leases.claim(execution.pk, gpus=0) is None
    with pytest.raises(StaleState):
        verification.cancel(execution)


def test_a_cancelled_one_is_not_queued_again_by_the_reaper() -> None:
    execution = verification.verify(best_of(ended_task()), wake_consumer=False)
    claimed(execution)
    verification.cancel(execution)
    assert not execution.is_wanted()
    past = timezone.now() - timedelta(seconds=1)
    Experiment.objects.filter(pk=execution.pk).update(lease_expires_at=past)
    assert reaper.reap().cancelled == 1


def test_a_run_goes_on_and_is_restarted_beside_it() -> None:
    task = ended_task(parameters={"threads": [1, 2]})
    execution = verification.verify(best_of(task), wake_consumer=False)
    lifecycle.extend_task(task, more=1, wake_consumer=False)
    following = advance(task.pk)
    assert following is not None
    assert not following.is_verification
    assert execution.is_wanted()
    lifecycle.cancel_task(task)
    execution.refresh_from_db()
    assert execution.status == Status.PENDING
    task.refresh_from_db()
    lifecycle.restart_task(task, wake_consumer=False)
    assert leases.claim(execution.pk, gpus=0) is not None


# In the browser


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user())
    return client


@pytest.mark.parametrize("page", ["experiment_detail", "task_detail"])
def test_the_pages_offer_it_and_say_what_was_found(operator: Client, page: str) -> None:
    task = ended_task()
    original = best_of(task)
    path = reverse(page, args=[original.pk if page == "experiment_detail" else task.pk])
    verify = reverse("experiment_verify", args=[original.pk])
    assert f'action="{verify}"' in text_of(operator.get(path))
    execution = verification.verify(original, wake_consumer=False)
    shown = text_of(operator.get(path))
    assert "Being verified: waiting for the consumer, which is not running" in shown
    assert f'action="{reverse("verification_cancel", args=[execution.pk])}"' in shown
    end(execution, 129.0)
    shown = text_of(operator.get(path))
    assert "kept: 129.0 against 130.0 tokens/s" in shown
    assert "Verify again" in shown


def test_one_click_starts_it_and_leads_to_the_page_that_follows_it(
    operator: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    task = ended_task()
    with django_capture_on_commit_callbacks() as woken:
        response = operator.post(reverse("experiment_verify", args=[best_of(task).pk]), follow=True)
    (execution,) = Experiment.objects.verifications()
    assert len(woken) == 1
    assert response.redirect_chain[-1][0] == reverse("experiment_detail", args=[execution.pk])
    shown = text_of(response)
    assert 'data-hx-trigger="every 2s"' in shown
    assert "Cancel the verification" in shown
    assert "verified (" in shown


def test_the_page_of_the_experiment_follows_while_it_is_verified(operator: Client) -> None:
    original = best_of(ended_task())
    path = reverse("experiment_detail", args=[original.pk])
    assert "data-hx-trigger" not in text_of(operator.get(path))
    execution = verification.verify(original, wake_consumer=False)
    assert "data-hx-trigger" in text_of(operator.get(path))
    etag = operator.get(path, headers={"HX-Request": "true"})["ETag"]
    asked = {"HX-Request": "true", "If-None-Match": etag}
    assert operator.get(path, headers=asked).status_code == 304
    end(execution, 129.0)
    changed = operator.get(path, headers=asked)
    assert changed.status_code == 200
    assert "data-hx-trigger" not in text_of(changed)


def test_a_refusal_is_said_on_the_page(operator: Client) -> None:
    original = running_task().experiments.get(number=1)
    path = reverse("experiment_verify", args=[original.pk])
    assert "when it has ended" in text_of(operator.post(path, follow=True))


def test_the_page_of_a_verification_says_what_differs(operator: Client) -> None:
    task = ended_task()
    Experiment.objects.filter(pk=best_of(task).pk).update(engine_version="b1")
    execution = verification.verify(best_of(task), wake_consumer=False)
    Experiment.objects.filter(pk=execution.pk).update(engine_version="b2")
    end(execution, 129.0)
    shown = text_of(operator.get(reverse("experiment_detail", args=[execution.pk])))
    assert "Not as it was then" in shown
    assert "Engine version" in shown
