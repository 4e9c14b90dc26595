"""What is due goes out beside the experiments: no worker has to be free for it."""

import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import OperationalError

from autotuner_site.roles import Role
from experiments_app.models import Delivery
from experiments_app.notifications import deliver, sender
from experiments_app.notifications.sender import Sender
from tests import factories
from tests.waiting import wait_for
from tests.webhook_receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def channel(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(sender, "AFTER_FAULT_S", 0.05)
    factories.make_channel(factories.make_user("ada", role=Role.VIEWER), receiver.url)


@pytest.fixture
def senders() -> Iterator[list[Sender]]:
    """Those of two workers. Whatever fails, none is left behind."""
    both = [Sender(), Sender()]
    for one in both:
        one.start()
    yield both
    for one in both:
        one.stop()


def ended(receiver: Receiver, times: int) -> None:
    """A task that ends, of which as many ends have arrived by then."""
    factories.make_task().cancel()
    wait_for(lambda: len(receiver.received) >= times, timeout_s=10)


def test_an_end_is_told_while_no_worker_takes_any_job(receiver: Receiver) -> None:
    settings.HUEY._startup["begin_to_send"]()
    try:
        ended(receiver, 1)
    finally:
        settings.HUEY._shutdown["stop_sending"]()
    assert not any(thread.name == "notifications" for thread in threading.enumerate())
    wait_for(lambda: Delivery.objects.get().status == Delivery.Status.DELIVERED, timeout_s=10)


def test_of_two_workers_one_sends_and_the_other_takes_its_place(
    receiver: Receiver, senders: list[Sender]
) -> None:
    for times, one in enumerate(senders, start=1):
        ended(receiver, times)
        one.stop()
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert len(ids) == len(set(ids)) == 2


def test_it_goes_on_after_a_fault(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, senders: list[Sender]
) -> None:
    faults = [OperationalError("away"), OSError("full")]

    def send() -> None:
        if faults:
            raise faults.pop()
        deliver.send_all_due()

    monkeypatch.setattr(sender, "send_all_due", send)
    ended(receiver, 1)
    assert not faults
