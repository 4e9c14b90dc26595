"""Who is told and what was told, to be looked at. Where a channel leads is shown shortened, what
its messages are signed with never."""

from typing import TYPE_CHECKING

from django.contrib import admin

from autotuner_site.admin import ReadOnlyMixin
from experiments_app.notifications.models import Channel, Delivery, TaskFollow

if TYPE_CHECKING:
    ChannelModelAdmin = admin.ModelAdmin[Channel]
    DeliveryModelAdmin = admin.ModelAdmin[Delivery]
    FollowModelAdmin = admin.ModelAdmin[TaskFollow]
else:
    ChannelModelAdmin = DeliveryModelAdmin = FollowModelAdmin = admin.ModelAdmin


@admin.register(Channel)
class ChannelAdmin(ReadOnlyMixin, ChannelModelAdmin):
    list_display = ("name", "user", "kind", "scope", "is_on", "failures_in_row", "created_at")
    list_filter = ("kind", "scope", "is_on")
    search_fields = ("name", "user__username")
    list_select_related = ("user",)
    fields = (
        "user", "number", "kind", "name", "target", "scope", "on_ended", "on_failed", "on_waiting",
        "is_on", "off_reason", "confirmed_at", "failures_in_row", "created_at",
    )  # fmt: skip

    @admin.display(description="leads to")
    def target(self, channel: Channel) -> str:
        return channel.target


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyMixin, DeliveryModelAdmin):
    list_display = ("event", "task_name", "run", "channel", "status", "tries", "created_at")
    list_filter = ("event", "status")
    search_fields = ("task_name", "channel__name")
    list_select_related = ("channel__user",)
    exclude = ("claim",)


@admin.register(TaskFollow)
class TaskFollowAdmin(ReadOnlyMixin, FollowModelAdmin):
    list_display = ("user", "wish", "task")
    list_filter = ("wish",)
    search_fields = ("user__username", "task__name")
    list_select_related = ("user", "task")
