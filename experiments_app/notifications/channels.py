"""What one does to a channel of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from autotuner_site.rate_limits import Rate, take
from autotuner_site.site_url import absolute
from experiments_app.notifications import deliver
from experiments_app.notifications import signing as webhook_signing
from experiments_app.notifications.mail import Mail
from experiments_app.notifications.models import Channel, Delivery
from experiments_app.notifications.outcome import Outcome
from tasks_app.audit import record

MOST = 20
"""Channels of one account."""
SALT = "experiments_app.notifications.confirm"
CONFIRM_WITHIN = timedelta(days=2)
AGAIN_AFTER = timedelta(minutes=1)
TESTS = Rate(calls=6)
"""Of one account: a test holds a thread of the site for as long as its receiver likes to."""
CONFIRMATIONS = Rate(calls=6, per_s=600.0)
"""Of one account: they go to addresses that may be anybody's."""
SETTINGS = ("name", "scope", "on_ended", "on_failed", "on_waiting")
"""Columns that a form has as they are."""


class NotNow(Exception):
    """It cannot be done, or not yet; the message says why."""


def add(user: User, kind: Channel.Kind, values: Mapping[str, Any]) -> Channel:
    """A webhook has a new secret. Raises NotNow where the account has enough of them."""
    private = (
        {"address": values["address"]}
        if kind == Channel.Kind.EMAIL
        else {
            "url": values["url"],
            "secret": webhook_signing.new_secret(),
        }
    )
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # numbers are given one after the other
        own = Channel.objects.filter(user=user)
        if own.count() >= MOST:
            raise NotNow(f"One account has {MOST} channels at most; remove one first.")
        channel = Channel.objects.create(
            user=user,
            number=(own.aggregate(last=Max("number"))["last"] or 0) + 1,
            kind=kind,
            private=private,
            confirmed_at=_confirmed_at(user, kind, values),
            **{name: values[name] for name in SETTINGS},
        )
        record("notification.created", channel, name=channel.name, kind=kind.value)
    return channel


def change(channel: Channel, values: Mapping[str, Any]) -> None:
    """A new address of an e-mail is to be confirmed anew; a webhook keeps its secret."""
    field = "url" if channel.kind == Channel.Kind.WEBHOOK else "address"
    given = values.get(field) or channel.private.get(field)
    is_new = given != channel.private.get(field)
    for name in SETTINGS:
        setattr(channel, name, values[name])
    channel.private = channel.private | {field: given}
    if is_new and channel.kind == Channel.Kind.EMAIL:
        channel.confirmed_at = _confirmed_at(channel.user, Channel.Kind.EMAIL, values)
        channel.confirmation_sent_at = None
    with transaction.atomic():
        channel.save(update_fields=[*SETTINGS, "private", "confirmed_at", "confirmation_sent_at"])
        record("notification.changed", channel, name=channel.name, moved=is_new or "")


def remove(channel: Channel) -> None:
    with transaction.atomic():
        record("notification.deleted", channel, name=channel.name)
        channel.delete()


def switch(channel: Channel, *, on: bool) -> None:
    with transaction.atomic():
        if on:
            channel.switch_on()
        else:
            channel.switch_off()
        record(f"notification.switched_{'on' if on else 'off'}", channel, name=channel.name)


def renew_secret(channel: Channel) -> str:
    """The new secret; the old one signs nothing any more. Raises NotNow."""
    if channel.kind != Channel.Kind.WEBHOOK:
        raise NotNow("Only webhooks have a secret.")
    channel.private = channel.private | {"secret": webhook_signing.new_secret()}
    with transaction.atomic():
        channel.save(update_fields=["private"])
        record("notification.secret_renewed", channel, name=channel.name)
    return channel.secret


def test(channel: Channel) -> Outcome:
    """Send a test now and wait for its outcome. Raises NotNow."""
    if not channel.is_confirmed:
        raise NotNow("Confirm the address first: its link is in the e-mail that was sent to it.")
    _not_too_often(f"channel tests:{channel.user_id}", TESTS)
    test_row = Delivery.objects.create(
        channel=channel,
        event=Delivery.Event.TEST,
        happened_at=timezone.now(),
        **deliver.new_claim(),
    )
    record("notification.tested", channel, name=channel.name)
    return deliver.send_now(test_row)


def send_again(channel: Channel, delivery_pk: int) -> None:
    """What is over is on its way once more, under its old id. Raises NotNow."""
    rows = channel.deliveries.filter(pk=delivery_pk).exclude(status=Delivery.Status.PENDING)
    if not channel.is_on:
        raise NotNow("The channel is switched off; switch it on first.")
    with transaction.atomic():
        again = rows.exclude(event=Delivery.Event.TEST).update(
            status=Delivery.Status.PENDING, next_try_at=timezone.now(), tries=0
        )
        if not again:
            raise NotNow("There is nothing to send again: it is on its way, or no longer kept.")
        record("notification.sent_again", channel, name=channel.name)


# Whose address it is


@dataclass(frozen=True)
class Confirmation:
    """What the link in an e-mail says: this channel is at this address."""

    channel: int
    address: str

    @classmethod
    def read(cls, token: str) -> "Confirmation | None":
        """None where it is no token of ours, or too old."""
        try:
            data = signing.loads(token, salt=SALT, max_age=CONFIRM_WITHIN)
        except signing.BadSignature:
            return None
        return cls(data["channel"], data["address"])

    def written(self) -> str:
        return signing.dumps(vars(self), salt=SALT)

    def is_of(self, channel: Channel) -> bool:
        return (self.channel, self.address) == (channel.pk, channel.address)


def ask_to_confirm(channel: Channel) -> Outcome:
    """Send the link that confirms the address. Raises NotNow where one was sent just now."""
    _not_too_often(f"confirmations:{channel.user_id}", CONFIRMATIONS)
    now = timezone.now()
    rows = Channel.objects.filter(pk=channel.pk, confirmed_at=None)
    due = rows.exclude(confirmation_sent_at__gt=now - AGAIN_AFTER)
    if due.update(confirmation_sent_at=now) != 1:
        raise NotNow("It was sent less than a minute ago; look there, or try again in a minute.")
    token = Confirmation(channel.pk, channel.address).written()
    link = absolute(reverse("notification_confirm", args=[channel.number])) + f"?token={token}"
    lines = (
        f"{channel.user.get_username()} of Autotuner wants notifications sent to this address.",
        "",
        "If that is you, open this link, signed in there, and confirm it:",
        link,
        "",
        "If it is not, do nothing: nothing else is sent.",
    )
    outcome = Mail.of(
        channel.address, "[Autotuner] Confirm this address", lines, f"confirm-{token[-24:]}"
    ).send()
    if not outcome.is_ok:
        Channel.objects.filter(pk=channel.pk).update(confirmation_sent_at=None)
    return outcome


def _not_too_often(key: str, rate: Rate) -> None:
    """Raises NotNow."""
    if wait_s := take(key, rate):
        raise NotNow(f"That was asked for often just now; try again in {wait_s} s.")


def confirm(channel: Channel) -> None:
    with transaction.atomic():
        Channel.objects.filter(pk=channel.pk).update(confirmed_at=timezone.now())
        record("notification.confirmed", channel, name=channel.name)


def _confirmed_at(user: User, kind: Channel.Kind, values: Mapping[str, Any]) -> Any:
    """A webhook needs none, nor the address that an administrator gave the account."""
    is_own = bool(user.email) and values.get("address", "").lower() == user.email.lower()
    return timezone.now() if kind == Channel.Kind.WEBHOOK or is_own else None
