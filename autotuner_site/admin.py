"""Admin pages that show and change nothing."""

from django.contrib import admin
from django.http import HttpRequest

admin.site.site_header = "Autotuner administration"
admin.site.site_title = "Autotuner"
admin.site.index_title = "Everything that is stored"


class ReadOnlyMixin:
    """Rows whose states only the program itself moves: they are looked at here, never edited."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
