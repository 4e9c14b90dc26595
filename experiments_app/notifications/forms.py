"""What one may say of a channel."""

from typing import Any

from django import forms
from django.conf import settings

from autotuner_site import outbound
from autotuner_site.outbound_check import parsed
from experiments_app.network import site_proxies
from experiments_app.notifications import mail
from experiments_app.notifications.models import Channel

LOOK_UP_S = 3.0
KEPT = "Leave it empty to keep the one that is stored."


class ChannelForm(forms.Form):
    """`url` or `address`, by the kind; of a channel that is there, an empty one keeps it."""

    name = forms.CharField(max_length=100, help_text="What you call it: team chat, my phone.")
    url = forms.CharField(label="Address", max_length=2000)
    address = forms.EmailField(label="Address", max_length=254)
    scope = forms.ChoiceField(
        label="Of which tasks",
        choices=Channel.Scope.choices,
        help_text="Of a single task, its bell says otherwise: followed or muted.",
    )
    on_ended = forms.BooleanField(
        label="It has ended", required=False, help_text="Completed, or cancelled."
    )
    on_failed = forms.BooleanField(
        label="It has failed",
        required=False,
        help_text="Nothing was measured, or the run was stopped because everything in it failed.",
    )
    on_waiting = forms.BooleanField(
        label="It waits for somebody",
        required=False,
        help_text="Paused because the disk is full, or waiting for a device that another program"
        " holds.",
    )

    def __init__(
        self, data: Any = None, *, kind: Channel.Kind, channel: Channel | None = None
    ) -> None:
        super().__init__(data, initial=self._values_of(channel))
        self.kind, self._channel = kind, channel
        is_webhook = kind == Channel.Kind.WEBHOOK
        del self.fields["address" if is_webhook else "url"]
        where = self.fields["url" if is_webhook else "address"]
        where.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        if is_webhook:
            where.widget.attrs["placeholder"] = "https://hooks.example/…"
            where.widget.input_type = "url"
        if channel is not None:
            where.required = False
            where.help_text = KEPT
        elif not is_webhook:
            where.help_text = "It gets an e-mail with a link that confirms it."
        for field in self.fields.values():
            is_box = isinstance(field, forms.BooleanField)
            is_choice = isinstance(field, forms.ChoiceField)
            look = "form-check-input" if is_box else "form-select" if is_choice else "form-control"
            field.widget.attrs["class"] = look

    @staticmethod
    def _values_of(channel: Channel | None) -> dict[str, Any]:
        names = ("name", "scope", "on_ended", "on_failed", "on_waiting")
        if channel is None:
            return {"scope": Channel.Scope.MINE, **dict.fromkeys(names[2:], True)}
        return {name: getattr(channel, name) for name in names}

    @property
    def texts(self) -> list[forms.BoundField]:
        where = "url" if self.kind == Channel.Kind.WEBHOOK else "address"
        return [self["name"], self[where], self["scope"]]

    @property
    def boxes(self) -> list[forms.BoundField]:
        return [self["on_ended"], self["on_failed"], self["on_waiting"]]

    def clean_url(self) -> str:
        """Looked up now, so that what can never be reached is said here; it is again each time."""
        url = str(self.cleaned_data["url"]).strip()
        if not url:
            return ""
        try:
            target = parsed(url)
            proxied = bool(site_proxies().for_(outbound.Target(target, ())))
            outbound.check(
                url, allowed_hosts=settings.TASK_HOSTS, look_up_s=LOOK_UP_S, proxied=proxied
            )
        except outbound.OutboundError as error:
            raise forms.ValidationError(str(error)) from error
        return url

    def clean_address(self) -> str:
        if not mail.is_on():
            raise forms.ValidationError(mail.OFF)
        return str(self.cleaned_data["address"])

    def clean(self) -> dict[str, Any]:
        if not any(self.cleaned_data.get(box.name) for box in self.boxes):
            raise forms.ValidationError("Choose at least one thing to be told of.")
        return self.cleaned_data
