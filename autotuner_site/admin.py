"""The admin's looks, and what its pages of rows share that only the program itself may change."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from autotuner_site import account_admin

__all__ = ["account_admin"]

admin.site.site_header = "Autotuner administration"
admin.site.site_title = "Autotuner"
admin.site.index_title = "Everything that is stored"
admin.site.enable_nav_sidebar = False  # the lists need the width

Row = TypeVar("Row", bound=Model)
MOST_SAID = 10
"""Refusals of one action that are each told."""

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class BoundedChangeList(ChangeList):
    """A date that no calendar has is refused like any other filter that cannot be read."""

    def get_filters(self, request: HttpRequest) -> Any:
        try:
            return super().get_filters(request)
        except OverflowError as error:
            raise IncorrectLookupParameters from error

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except (OverflowError, ValueError) as error:  # the year 0, or one of thirty digits
            raise IncorrectLookupParameters from error


class ReadOnlyMixin(Base):
    """Rows whose states only the program itself moves: they are looked at here, never edited.

    An action with `permissions=["act"]` goes through the program's own verbs.
    """

    list_per_page = 50
    show_full_result_count = False  # counts every row of the table once more

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return BoundedChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """May do with a row what its page on the site offers."""
        app, model = self.opts.app_label, self.opts.model_name
        return bool(request.user.is_active) and request.user.has_perm(f"{app}.change_{model}")


def link(address: str, words: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', address, words)


def status(value: str, label: str) -> SafeString:
    """As it looks on the site."""
    return format_html('<span class="status status-{}">{}</span>', value, label)


def as_written(text: str) -> SafeString:
    """A text of several lines, say a task file."""
    return format_html('<pre class="as-written">{}</pre>', text)


def act_on_each(
    request: HttpRequest,
    rows: Iterable[Row],
    act: Callable[[Row], object],
    *,
    done: str,
    refusals: tuple[type[Exception], ...],
) -> None:
    """Do it to each row by itself, and say what came of it: `done` follows the number of rows."""
    count = 0
    refused: list[str] = []
    for row in rows:
        try:
            act(row)
        except refusals as error:
            refused.append(str(error))
        else:
            count += 1
    if count:
        messages.success(request, f"{count} {done}.")
    tell_refusals(request, refused)


def tell_refusals(request: HttpRequest, refused: Sequence[str]) -> None:
    for words in refused[:MOST_SAID]:
        messages.error(request, words)
    if len(refused) > MOST_SAID:
        messages.error(
            request, f"… and {len(refused) - MOST_SAID} more that were left as they are."
        )
