"""One's own channels: what they tell of, what became of it. Each account sees its own alone."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from autotuner_site.requests import SignedInRequest, whole_number
from autotuner_site.sealing import KeyLost, decrypt, encrypt
from experiments_app.notifications import bell, channels, mail
from experiments_app.notifications.forms import ChannelForm
from experiments_app.notifications.models import Channel, Delivery
from tasks_app.models import Task

PER_PAGE = 20
ALL_PER_PAGE = 50
FORM = ["GET", "HEAD", "POST"]
NEW_SECRET = "notification_secret"  # noqa: S105  # a name


def own_channel(request: HttpRequest, number: int) -> Channel:
    return get_object_or_404(
        Channel.objects.select_related("user"), user=request.user, number=number
    )


@require_safe
def notifications(request: SignedInRequest) -> HttpResponse:
    lost = Count("deliveries", filter=Q(deliveries__status=Delivery.Status.GIVEN_UP))
    own = Channel.objects.filter(user=request.user).annotate(num_given_up=lost)
    context = {
        "channels": own.order_by("number"),
        "mail_is_on": mail.is_on(),
        "site_url": settings.SITE_URL,
    }
    return render(request, "experiments_app/notifications/list.html", context)


@sensitive_post_parameters()
@require_http_methods(FORM)
def channel_new(request: SignedInRequest, kind: str) -> HttpResponse:
    if kind not in Channel.Kind.values:
        raise Http404
    which = Channel.Kind(kind)
    form = ChannelForm(request.POST if request.method == "POST" else None, kind=which)
    if form.is_valid():
        try:
            made = channels.add(request.user, which, form.cleaned_data)
        except channels.NotNow as error:
            form.add_error(None, str(error))
        else:
            return _made(request, made)
    return _form(request, form, None)


def _made(request: SignedInRequest, channel: Channel) -> HttpResponse:
    if channel.kind == Channel.Kind.WEBHOOK:
        _show_once(request, channel)
    elif not channel.is_confirmed:
        _ask_to_confirm(request, channel)
    return redirect("notification_channel", channel.number)


@sensitive_post_parameters()
@require_http_methods(FORM)
def channel_edit(request: SignedInRequest, number: int) -> HttpResponse:
    channel = own_channel(request, number)
    data = request.POST if request.method == "POST" else None
    form = ChannelForm(data, kind=Channel.Kind(channel.kind), channel=channel)
    if not form.is_valid():
        return _form(request, form, channel)
    channels.change(channel, form.cleaned_data)
    messages.success(request, "The channel is changed.")
    if not channel.is_confirmed:
        _ask_to_confirm(request, channel)
    return redirect("notification_channel", number)


def _form(request: SignedInRequest, form: ChannelForm, channel: Channel | None) -> HttpResponse:
    context = {"form": form, "channel": channel, "kind": form.kind, "mail_is_on": mail.is_on()}
    status = 422 if form.is_bound else 200
    return render(request, "experiments_app/notifications/form.html", context, status=status)


@require_safe
def channel(request: SignedInRequest, number: int) -> HttpResponse:
    """With its log; right after it was made also with its secret, which no other page shows."""
    own = own_channel(request, number)
    pages = Paginator(own.deliveries.all(), PER_PAGE)
    context = {
        "channel": own,
        "secret": _secret_to_show(request, own),
        "page": pages.get_page(request.GET.get("page")),
    }
    return render(request, "experiments_app/notifications/channel.html", context)


@require_POST
def channel_test(request: SignedInRequest, number: int) -> HttpResponse:
    own = own_channel(request, number)
    try:
        outcome = channels.test(own)
    except channels.NotNow as error:
        messages.error(request, str(error))
    else:
        if outcome.is_ok:
            messages.success(request, f"The test arrived, in {outcome.duration_s:.1f} s.")
        else:
            messages.error(request, f"The test did not arrive: {outcome.error}")
    return redirect("notification_channel", number)


@require_POST
def channel_again(request: SignedInRequest, number: int) -> HttpResponse:
    """`delivery`: which one of the log."""
    own = own_channel(request, number)
    try:
        channels.send_again(own, whole_number(request.POST.get("delivery", "")) or 0)
    except channels.NotNow as error:
        messages.error(request, f"Not sent. {error}")
    else:
        messages.success(request, "It is on its way again.")
    return redirect("notification_channel", number)


@require_POST
def channel_switch(request: SignedInRequest, number: int) -> HttpResponse:
    """`on`: 1 or 0."""
    is_on = request.POST.get("on") == "1"
    channels.switch(own_channel(request, number), on=is_on)
    messages.success(request, f"The channel is switched {'on' if is_on else 'off'}.")
    return redirect("notification_channel", number)


@require_POST
def channel_secret(request: SignedInRequest, number: int) -> HttpResponse:
    own = own_channel(request, number)
    try:
        channels.renew_secret(own)
    except channels.NotNow as error:
        messages.error(request, str(error))
    else:
        _show_once(request, own)
    return redirect("notification_channel", number)


@require_http_methods(FORM)
def channel_delete(request: SignedInRequest, number: int) -> HttpResponse:
    own = own_channel(request, number)
    if request.method != "POST":
        context = {"channel": own, "num_deliveries": own.deliveries.count()}
        return render(request, "experiments_app/notifications/delete.html", context)
    channels.remove(own)
    messages.success(request, f"Channel {own.name!r} is removed.")
    return redirect("notifications")


@require_http_methods(FORM)
def channel_confirm(request: SignedInRequest, number: int) -> HttpResponse:
    """`token`: from the e-mail. POST without one sends it anew."""
    own = own_channel(request, number)
    token = request.POST.get("token") or request.GET.get("token") or ""
    if request.method == "POST" and not token:
        _ask_to_confirm(request, own)
        return redirect("notification_channel", number)
    found = channels.Confirmation.read(token)
    if found is None or not found.is_of(own):
        context: dict[str, Any] = {"channel": own}
        return render(request, "experiments_app/notifications/confirm.html", context, status=410)
    if request.method != "POST":
        context = {"channel": own, "token": token}
        return render(request, "experiments_app/notifications/confirm.html", context)
    channels.confirm(own)
    messages.success(request, "The address is confirmed: notifications go there from now on.")
    return redirect("notification_channel", number)


@require_POST
def task_follow(request: SignedInRequest, pk: int) -> HttpResponse:
    """`wish`: follow, mute, or empty: as the channels say."""
    task = get_object_or_404(Task, pk=pk)
    wanted = request.POST.get("wish", "")
    if wanted not in bell.WISHES:
        messages.error(request, "Not changed: wish must be follow, mute or empty.")
    else:
        bell.wish(request.user, task, wanted)
        messages.success(request, bell.Bell.of(request.user, task).words)
    return redirect("task_detail", pk)


@require_safe
def all_deliveries(request: SignedInRequest) -> HttpResponse:
    """Of everybody, for administrators."""
    status = request.GET.get("status", "")
    found = Delivery.objects.select_related("channel__user")
    if status in Delivery.Status.values:
        found = found.filter(status=status)
    context = {
        "section": "system",
        "page": Paginator(found, ALL_PER_PAGE).get_page(request.GET.get("page")),
        "statuses": Delivery.Status.choices,
        "status": status,
        "channels": Channel.objects.select_related("user").order_by("user__username", "number"),
        "mail_is_on": mail.is_on(),
    }
    return render(request, "experiments_app/notifications/all.html", context)


def _ask_to_confirm(request: SignedInRequest, channel: Channel) -> None:
    try:
        outcome = channels.ask_to_confirm(channel)
    except channels.NotNow as error:
        messages.error(request, str(error))
        return
    if outcome.is_ok:
        messages.success(request, f"A link to confirm it is on its way to {channel.address}.")
    else:
        messages.error(request, f"The link to confirm it was not sent: {outcome.error}")


def _show_once(request: SignedInRequest, channel: Channel) -> None:
    """Kept for the next page of this browser, encrypted as everywhere."""
    request.session[NEW_SECRET] = [channel.pk, encrypt(channel.secret)]


def _secret_to_show(request: SignedInRequest, channel: Channel) -> str:
    kept = request.session.get(NEW_SECRET)
    if request.method != "GET" or not kept or kept[0] != channel.pk:
        return ""
    del request.session[NEW_SECRET]
    try:
        return decrypt(kept[1])
    except KeyLost:
        return ""
