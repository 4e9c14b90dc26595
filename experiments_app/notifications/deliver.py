"""Sends what is due, and writes down how that went. Any number of processes may do so at once.

A row is claimed by a guarded update for as long as a try can take, so two never send the
same; one that is killed in between leaves a claim that lapses, and the row is sent again under the
same id. One process of a machine sends at a time, several rows beside each other: a receiver that
never answers keeps the others not waiting.
"""

import fcntl
import logging
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils import timezone

from autotuner_site.roles import Role, role_of
from experiments_app.notifications.mail import Mail
from experiments_app.notifications.models import Channel, Delivery
from experiments_app.notifications.outcome import Outcome
from experiments_app.notifications.payload import lines_of, payload_of, subject_of
from experiments_app.notifications.webhook import WebhookMessage
from tasks_app.audit import record

logger = logging.getLogger(__name__)
RETRY_AFTER_S = (10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600)
"""After the first try that failed, the second, …; after the last it is given up."""
AT_ONCE = 8
CLAIM_S = 120
PATIENCE_S = 60.0
"""Longer than any try should take: what is not through by then has failed."""
MOST_ATTEMPTS = 30


class Message(Protocol):
    def send(self) -> Outcome: ...


class CannotBeSent(Exception):
    """The message says why, and that no later try helps."""


def send_due() -> None:
    """Send all that is due, unless another process of this machine does."""
    with only_one() as is_mine:
        if is_mine:
            send_all_due()


def send_all_due() -> None:
    """For whom `only_one` has let in."""
    while Delivery.objects.due().exists():
        for delivery, outcome in _outcomes(list(_claimed())):
            _write(delivery, outcome)


def send_now(delivery: Delivery) -> Outcome:
    """One delivery that nobody else has claimed, while somebody waits for the outcome."""
    message = _message_or_fault(delivery)
    outcome = message if isinstance(message, Outcome) else _sent(message)
    _write(delivery, outcome)
    return outcome


def new_claim() -> dict[str, object]:
    """The columns of a row that is held for one try."""
    until = timezone.now() + timedelta(seconds=CLAIM_S)
    return {"claim": uuid.uuid4().hex, "claimed_until": until}


def _claimed() -> Iterator[Delivery]:
    for pk in Delivery.objects.due().order_by("next_try_at").values_list("pk", flat=True)[:AT_ONCE]:
        claim = new_claim()
        if Delivery.objects.due().filter(pk=pk).update(**claim) == 1:
            yield Delivery.objects.select_related("channel__user").get(pk=pk)


def _outcomes(deliveries: Sequence[Delivery]) -> Iterator[tuple[Delivery, Outcome]]:
    """As they come in. What is told is made here; threads only send: none asks the database, and
    none is waited for when this process ends."""
    done: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()
    open_ones: dict[int, Delivery] = {}
    for delivery in deliveries:
        message = _message_or_fault(delivery)
        if isinstance(message, Outcome):
            yield delivery, message
            continue
        open_ones[delivery.pk] = delivery
        sending = threading.Thread(target=_put, args=(done, delivery.pk, message), daemon=True)
        sending.start()
    deadline = time.monotonic() + PATIENCE_S
    while open_ones:
        try:
            pk, outcome = done.get(timeout=max(deadline - time.monotonic(), 0.01))
        except queue.Empty:
            break
        yield open_ones.pop(pk), outcome
    for delivery in open_ones.values():
        yield delivery, Outcome(error=f"it took longer than {PATIENCE_S:.0f} s")


def _put(done: "queue.SimpleQueue[tuple[int, Outcome]]", pk: int, message: Message) -> None:
    done.put((pk, _sent(message)))


def _message_or_fault(delivery: Delivery) -> Message | Outcome:
    try:
        return message_of(delivery)
    except CannotBeSent as error:
        return Outcome(error=str(error), is_final=True)
    except Exception as error:  # a fault of ours is told like one of theirs, and tried again
        logger.exception("notification %s could not be made", delivery.uid)
        return _fault(error)


def _sent(message: Message) -> Outcome:
    try:
        return message.send()
    except Exception as error:
        logger.exception("a notification could not be sent")
        return _fault(error)


def _fault(error: Exception) -> Outcome:
    return Outcome(error=f"a fault of this program: {type(error).__name__}")


def message_of(delivery: Delivery) -> Message:
    """Raises CannotBeSent."""
    channel = delivery.channel
    if why := _why_not(delivery):
        raise CannotBeSent(why)
    if delivery.payload is None:
        delivery.payload = payload_of(delivery)
        Delivery.objects.filter(pk=delivery.pk).update(payload=delivery.payload)
    if channel.kind == Channel.Kind.WEBHOOK:
        return WebhookMessage.of(channel.url, channel.secret, delivery.uid, delivery.payload)
    lines = lines_of(delivery.payload)
    return Mail.of(channel.address, subject_of(delivery.payload), lines, delivery.uid)


def _why_not(delivery: Delivery) -> str:
    channel = delivery.channel
    if not channel.is_readable:
        return "the channel's address cannot be read: the key that it was stored with is gone"
    if delivery.event != Delivery.Event.TEST and not channel.is_on:
        return "the channel is switched off"
    if not channel.is_confirmed:
        return "the address is not confirmed"
    if role_of(channel.user) < Role.VIEWER:
        return "the account may not look at tasks any more"
    return ""


def _write(delivery: Delivery, outcome: Outcome) -> None:
    """What became of a try, unless the claim lapsed meanwhile: then somebody else's try counts."""
    tries = delivery.tries + 1
    is_over = outcome.is_final or outcome.is_gone or delivery.event == Delivery.Event.TEST
    delivery.attempts = [*delivery.attempts, outcome.to_data()][-MOST_ATTEMPTS:]
    delivery.tries, delivery.next_try_at = tries, None
    if outcome.is_ok:
        delivery.status = Delivery.Status.DELIVERED
    elif is_over or tries > len(RETRY_AFTER_S):
        delivery.status = Delivery.Status.GIVEN_UP
    else:
        wait_s = RETRY_AFTER_S[tries - 1]
        delivery.next_try_at = timezone.now() + timedelta(seconds=wait_s)
    columns = ("attempts", "tries", "next_try_at", "status")
    changes = {name: getattr(delivery, name) for name in columns}
    held = Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim)
    if held.update(claim="", claimed_until=None, **changes) == 1:
        _count(delivery, outcome)


def _count(delivery: Delivery, outcome: Outcome) -> None:
    channel = delivery.channel
    if outcome.is_ok:
        channel.succeeded()
        return
    logger.warning("channel %d, %s: %s", channel.pk, delivery.event, outcome.error)
    if delivery.event == Delivery.Event.TEST:
        return
    is_off = channel.switch_off(outcome.error) if outcome.is_gone else channel.failed()
    if is_off:
        record("notification.switched_off", channel, name=channel.name)


@contextmanager
def only_one() -> Iterator[bool]:
    """Whether nobody else on this machine sends; a process that dies holds nothing."""
    root: Path = settings.HOME.root
    with (root / "deliveries.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
