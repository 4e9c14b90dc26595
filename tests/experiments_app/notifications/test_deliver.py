"""What is sent, how often it is tried, and that nobody gets anything twice."""

import json
import threading
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core import mail as django_mail
from django.db import connection
from django.utils import timezone

from autotuner_site.roles import Role, give_role
from experiments_app.models import Channel, Delivery
from experiments_app.notifications import channels, deliver, models, outbox, webhook
from experiments_app.notifications.deliver import RETRY_AFTER_S, send_due
from experiments_app.notifications.outcome import Outcome
from tasks_app.models import AuditEntry, Task
from tests import factories
from tests.finals import confirmed_task
from tests.webhook_receiver import Receiver

pytestmark = pytest.mark.django_db
Status = Delivery.Status


@pytest.fixture
def channel(receiver: Receiver) -> Channel:
    user = factories.make_user("ada", role=Role.VIEWER)
    return factories.make_channel(user, receiver.url)


def ended() -> Task:
    return factories.completed_task((61.2, 74.6))


def the_delivery() -> Delivery:
    return Delivery.objects.select_related("channel").get()


def make_due() -> None:
    Delivery.objects.update(next_try_at=timezone.now())


# What arrives


def test_the_end_of_a_task_arrives_signed(channel: Channel, receiver: Receiver) -> None:
    task = ended()
    send_due()
    (got,) = receiver.received
    assert got.is_signed_with(channel.secret)
    assert not got.is_signed_with("whsec_" + "A" * 44)
    assert got.headers["content-type"] == "application/json"
    row = the_delivery()
    assert (row.status, row.last["status"], row.next_try_at) == (Status.DELIVERED, 200, None)
    assert got.headers["webhook-id"] == str(row.uid)
    assert row.last["answer"] == "thank you"
    best = task.experiments.get(number=1)
    assert got.data["type"] == "task.completed"
    assert got.data["data"] == {
        "event": "ended",
        "task": task.name,
        "task_id": task.pk,
        "run": 1,
        "status": "completed",
        "message": "2 of 2 experiments succeeded",
        "url": f"http://localhost:8765/tasks/{task.pk}/?run=1",
        "verdict": got.data["data"]["verdict"],
        "gain": pytest.approx(74.6 / 61.2 - 1),
        "gain_ci95": None,
        "best": {
            "number": 1,
            "parameters": best.parameters,
            "url": f"http://localhost:8765/experiments/{best.pk}/",
        },
        "site": got.data["data"]["site"],
    }
    assert got.data["data"]["verdict"].startswith("experiment 1 is better than the default")
    assert got.data["text"].startswith(f"{task.name} completed: +21.9% · experiment 1 is better")


def test_a_failure_arrives_with_its_cause(channel: Channel, receiver: Receiver) -> None:
    task = factories.failed_task()
    send_due()
    data = receiver.received[0].data
    assert (data["type"], data["data"]["status"]) == ("task.failed", "failed")
    assert "/models/gone.gguf: no such file" in data["data"]["message"]
    assert data["text"].startswith(f"{task.name} failed: 3 of 3 experiments failed")


def test_of_a_deleted_task_arrives_what_its_end_said(channel: Channel, receiver: Receiver) -> None:
    ended()
    Task.objects.all().delete()
    send_due()
    data = receiver.received[0].data["data"]
    assert (data["status"], data["verdict"], data["best"]) == ("completed", None, None)


def test_no_secret_of_the_task_arrives(channel: Channel, receiver: Receiver) -> None:
    secret = {"MY_API_KEY": "sesame4711", "DATABASE_URL": "postgres://u:sesame4711_url@db/x"}
    task = factories.make_task(environment=secret, access={"hub_token": "hf_sesame4711_token"})
    task.start()
    task.fail("the server said: sesame4711, hf_sesame4711_token, http://a:sesame4711_url@b")
    send_due()
    assert b"sesame4711" not in receiver.received[0].body


# When it does not arrive


def test_it_is_tried_again_later_and_later_with_the_same_content(
    channel: Channel, receiver: Receiver
) -> None:
    receiver.answers = [500, 503]
    ended()
    send_due()
    row = the_delivery()
    assert row.next_try_at is not None
    wait = row.next_try_at - timezone.now()
    assert timedelta() < wait <= timedelta(seconds=RETRY_AFTER_S[0])
    send_due()  # not due yet
    assert len(receiver.received) == 1
    Task.objects.update(name="renamed meanwhile")
    for _ in range(2):
        make_due()
        send_due()
    row = the_delivery()
    assert [attempt["status"] for attempt in row.attempts] == [500, 503, 200]
    assert row.status == Status.DELIVERED
    assert len({got.body for got in receiver.received}) == 1
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert all(got.is_signed_with(channel.secret) for got in receiver.received)


def test_it_is_given_up_after_the_last_try_and_can_be_sent_again(
    channel: Channel, receiver: Receiver
) -> None:
    receiver.answers = [500] * (len(RETRY_AFTER_S) + 1)
    ended()
    for _ in range(len(RETRY_AFTER_S) + 3):
        send_due()
        Delivery.objects.filter(status=Status.PENDING).update(next_try_at=timezone.now())
    row = the_delivery()
    assert (row.status, row.next_try_at) == (Status.GIVEN_UP, None)
    assert len(receiver.received) == len(row.attempts) == len(RETRY_AFTER_S) + 1
    channels.send_again(row.channel, row.pk)
    send_due()
    assert the_delivery().status == Status.DELIVERED
    with pytest.raises(channels.NotNow):
        channels.send_again(row.channel, row.pk + 1)


def test_a_channel_that_fails_again_and_again_is_switched_off_and_says_why(
    channel: Channel, receiver: Receiver
) -> None:
    Channel.objects.update(failures_in_row=models.MOST_FAILURES - 2)
    receiver.answers = [500] * 2
    ended()
    send_due()
    channel.refresh_from_db()
    assert channel.is_on
    make_due()
    send_due()
    channel.refresh_from_db()
    assert (channel.is_on, channel.off_reason) == (False, "20 tries in a row failed")
    assert AuditEntry.objects.filter(action="notification.switched_off").count() == 1
    make_due()
    send_due()
    assert len(receiver.received) == 2
    assert "switched off" in the_delivery().last["error"]
    channels.switch(channel, on=True)
    assert channels.test(channel).is_ok


def test_a_success_ends_the_count_of_failures(channel: Channel, receiver: Receiver) -> None:
    Channel.objects.update(failures_in_row=models.MOST_FAILURES - 1)
    ended()
    send_due()
    channel.refresh_from_db()
    assert (channel.is_on, channel.failures_in_row) == (True, 0)


def test_who_wants_no_more_is_asked_no_more(channel: Channel, receiver: Receiver) -> None:
    receiver.answers = [410]
    ended()
    send_due()
    channel.refresh_from_db()
    assert not channel.is_on
    assert the_delivery().status == Status.GIVEN_UP


def test_a_closed_account_and_a_lost_role_get_nothing(channel: Channel, receiver: Receiver) -> None:
    ended()
    give_role(channel.user, Role.NONE)
    send_due()
    assert receiver.received == []
    assert "may not look at tasks" in the_delivery().last["error"]


def test_an_answer_that_repeats_the_address_does_not_give_it_away(
    channel: Channel, receiver: Receiver
) -> None:
    receiver.answers = [404]
    receiver.says = b"Cannot POST /hooks/T0-very-secret-path " + b"x" * 10_000
    ended()
    send_due()
    row = the_delivery()
    assert "very-secret" not in json.dumps(row.attempts)
    assert row.last["answer"].startswith("Cannot POST")
    assert len(row.last["answer"]) <= webhook.EXCERPT


# Time


def test_neither_one_that_never_answers_nor_one_that_drips_takes_longer_than_the_limit(
    channel: Channel, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TOTAL_S", 0.6)  # as 15 s are in earnest
    for name in ("hangs", "drips"):
        receiver.hangs, receiver.drips = name == "hangs", name == "drips"
        ended()
        send_due()
        row = Delivery.objects.order_by("-pk")[0]
        assert row.status == Status.PENDING, name
        assert "did not answer in time" in row.last["error"] or row.last["status"], name
        assert row.last["duration_s"] < 5, name


def test_one_that_never_answers_keeps_the_others_not_waiting(
    channel: Channel,
    receiver: Receiver,
    settings: LazySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    monkeypatch.setattr(webhook, "TOTAL_S", 1.0)
    receiver.hangs = True
    factories.make_email_channel(channel.user, "ada@example.org")
    ended()
    through = []
    write = deliver._write

    def note_and_write(row: Delivery, outcome: Outcome) -> None:
        through.append(row.channel.kind)
        write(row, outcome)

    monkeypatch.setattr(deliver, "_write", note_and_write)
    send_due()
    assert through == ["email", "webhook"]


def test_a_message_that_takes_too_long_is_left_behind(
    channel: Channel, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "PATIENCE_S", 0.2)
    receiver.hangs = True
    ended()
    send_due()
    assert "took longer" in the_delivery().last["error"]


# Once


def test_what_a_killed_worker_held_is_sent_by_the_next_when_its_claim_lapses(
    channel: Channel, receiver: Receiver
) -> None:
    ended()
    claim = deliver.new_claim()
    Delivery.objects.update(**claim)
    send_due()
    assert receiver.received == []
    Delivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    send_due()
    assert len(receiver.received) == 1
    assert the_delivery().status == Status.DELIVERED


def test_who_lost_the_claim_writes_nothing(channel: Channel, receiver: Receiver) -> None:
    ended()
    (mine,) = deliver._claimed()
    Delivery.objects.update(claim="another worker's")
    deliver._write(mine, Outcome(is_ok=True))
    assert (the_delivery().status, the_delivery().claim) == (Status.PENDING, "another worker's")


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_of_many_once(
    channel: Channel, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no lock of this machine keeps them apart: on two machines, say."""
    for _ in range(12):
        factories.make_task().cancel()
    assert Delivery.objects.count() == 12

    class NoLock:
        def __enter__(self) -> bool:
            return True

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(deliver, "only_one", NoLock)
    monkeypatch.setattr(deliver, "AT_ONCE", 2)

    def work() -> None:
        try:
            send_due()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not Delivery.objects.exclude(status=Status.DELIVERED).exists()
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert len(ids) == len(set(ids)) == 12


def testonly_one_worker_of_a_machine_sends_at_a_time(channel: Channel, receiver: Receiver) -> None:
    ended()
    with deliver.only_one() as is_mine:
        assert is_mine
        send_due()
        assert receiver.received == []
    send_due()
    assert len(receiver.received) == 1


# Where it may not go


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data", "http://127.1:8000/", "http://[::1]:8000/",
        "http://2130706433:8000/", "http://0177.0.0.1:8000/", "http://0x7f.1:8000/",
        "http://[::ffff:127.0.0.1]:8000/", "http://localhost:8000/", "http://10.1.2.3/",
        "http://100.64.0.1/", "http://0.0.0.0:8000/",
    ],
)  # fmt: skip
def test_no_address_inside_is_asked(
    url: str, channel: Channel, receiver: Receiver, settings: LazySettings
) -> None:
    settings.TASK_HOSTS = []
    Channel.objects.update(private={"url": url, "secret": channel.secret})
    ended()
    send_due()
    row = the_delivery()
    assert row.status == Status.GIVEN_UP
    assert "private network" in row.last["error"] or "no address" in row.last["error"]
    assert receiver.received == []


def test_a_redirect_onto_this_machine_is_not_followed(channel: Channel, receiver: Receiver) -> None:
    receiver.answers = [f"http://127.0.0.1:{receiver.port}/inside"]
    ended()
    send_due()
    assert [got.path for got in receiver.received] == ["/hooks/T0-very-secret-path"]
    row = the_delivery()
    assert row.last["status"] == 302
    assert "redirects are not followed" in row.last["error"]


# E-mail


def test_an_end_arrives_as_an_e_mail(settings: LazySettings) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    user = factories.make_user("ada", role=Role.VIEWER)
    factories.make_email_channel(user, "ada@example.org")
    task = ended()
    send_due()
    (sent,) = django_mail.outbox
    assert sent.to == ["ada@example.org"]
    assert sent.subject == f"[Autotuner] {task.name} completed: +21.9%"
    assert f"http://localhost:8765/tasks/{task.pk}/?run=1" in sent.body
    assert "Best: experiment 1" in sent.body
    assert str(the_delivery().uid) in sent.extra_headers["Message-ID"]


def test_an_e_mail_says_the_interval_of_the_gain(settings: LazySettings) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    factories.make_email_channel(factories.make_user("ada", role=Role.VIEWER), "a@example.org")
    task = confirmed_task()
    Delivery.objects.all().delete()
    assert task.completed_at is not None
    outbox.note(task, Delivery.Event.ENDED, task.completed_at)
    send_due()
    assert "(95%: " in django_mail.outbox[0].body


def test_without_a_server_no_e_mail_is_tried(settings: LazySettings) -> None:
    factories.make_email_channel(factories.make_user("ada", role=Role.VIEWER), "a@example.org")
    ended()
    send_due()
    assert the_delivery().status == Status.GIVEN_UP
    assert "EMAIL_URL" in the_delivery().last["error"]
    assert django_mail.outbox == []
