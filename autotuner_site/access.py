"""Which role each address asks for, said here for all of them, and the middleware that asks.

An address that is not named is an operator's where it changes something, and a viewer's where it
only looks: what was forgotten is closed and not open. A test wants every address named.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject

from autotuner_site.api_errors import error_answer, is_api
from autotuner_site.roles import Role, role_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

ANYBODY = frozenset({"login", "sign_in_by_link", "healthz", "metrics"})
"""Without a sign-in; the views say so themselves with `login_not_required`, and `metrics` asks for
a token of its own."""

ANY_ACCOUNT = frozenset(
    {
        *("logout", "password", "sign_out_everywhere", "help", "help_page"),
        *("tokens", "token_revoke", "api_docs"),
    }
)

VIEWERS = frozenset(
    {
        *("task_list", "task_rows", "tasks_compare", "tasks_export", "bulk_outcomes"),
        *("task_detail", "task_history", "task_version", "task_log", "task_export"),
        *("task_results_csv", "task_results_json", "task_results_parquet", "task_report"),
        *("task_compare", "compare_runs"),
        *("chart_section", "task_charts", "task_chart", "task_chart_file", "compared_chart_file"),
        *("preset_list", "preset_detail", "preset_export", "presets_export"),
        *("dataset_list", "dataset_detail"),
        *("experiment_detail", "experiment_log", "experiment_deploy"),
        *("system", "machine_checks", "machine_check", "container"),
        *("notifications", "notification_new", "notification_channel", "notification_edit"),
        *("notification_test", "notification_again", "notification_switch"),
        *("notification_secret", "notification_delete", "notification_confirm", "task_follow"),
    }
)
OPERATORS = frozenset(
    {
        *("task_new", "task_edit", "task_details", "task_check", "model_check", "task_import"),
        *("task_start", "task_pause", "task_resume", "task_cancel", "task_restart", "task_extend"),
        *("task_answer", "experiment_verify", "verification_cancel"),
        *("task_duplicate", "task_reproduce", "tune_builtin"),
        *("task_delete", "task_archive", "task_bring_back", "tasks_bulk", "version_restore"),
        *("task_log_clear", "test_connection"),
        *("dataset_new", "dataset_columns", "dataset_cancel", "dataset_retry", "dataset_remove"),
        *(
            "results_import",
            "preset_new",
            "preset_edit",
            "preset_delete",
            "preset_import",
            "preset_merge",
        ),
    }
)
ADMINS = frozenset(
    {
        *("system_settings", "container_stop", "image_remove", "model_remove"),
        *("audit", "audit_export"),
        *("all_deliveries",),
    }
)
"""Besides everything under /admin/, whose pages ask for Django's permissions themselves."""

ASK_THEMSELVES = frozenset({"admin", "ninja"})
"""Applications whose addresses ask who comes: the admin's pages, and the calls of the API, which
take a token or a session and answer in JSON (`experiments_app.api.auth`)."""

DECLARED = {
    **dict.fromkeys(ANYBODY | ANY_ACCOUNT, Role.NONE),
    **dict.fromkeys(VIEWERS, Role.VIEWER),
    **dict.fromkeys(OPERATORS, Role.OPERATOR),
    **dict.fromkeys(ADMINS, Role.ADMIN),
}


class RoleNeeded(PermissionDenied):
    """The account lacks the role; `needed` is the least that would do."""

    def __init__(self, needed: Role) -> None:
        super().__init__(f"this is for the role {needed.word}")
        self.needed = needed


class May(NamedTuple):
    """What the pages may offer to whoever looks at them."""

    role: Role

    @property
    def view(self) -> bool:
        return self.role >= Role.VIEWER

    @property
    def operate(self) -> bool:
        return self.role >= Role.OPERATOR

    @property
    def administer(self) -> bool:
        return self.role >= Role.ADMIN


def role_needed(name: str | None, method: str | None) -> Role:
    """`name`: of the address, as `urls.py` has it."""
    if name in DECLARED:
        return DECLARED[name]
    return Role.VIEWER if method in SAFE_METHODS else Role.OPERATOR


class SignInMiddleware(LoginRequiredMiddleware):
    """Django's own, which asks for the account also where nobody needs one: what programs ask
    answers while the database, and with it every session, is away."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], *arguments: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True) or _is_call(request):
            return None
        return super().process_view(request, view_func, *arguments)


def _is_call(request: HttpRequest) -> bool:
    return request.resolver_match is not None and request.resolver_match.app_name == "ninja"


class RoleMiddleware:
    """Behind SignInMiddleware, so whoever comes here is signed in or need not be."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: object, kwargs: object
    ) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or match.app_name in ASK_THEMSELVES:
            return None
        needed = role_needed(match.url_name, request.method)
        if needed is Role.NONE:  # nor is the session asked for: the database may be away
            return None
        is_open = not getattr(view, "login_required", True)
        is_nobodys = match.url_name not in DECLARED or not request.user.is_authenticated
        if is_open and is_nobodys:  # a page's part answers by itself whose session is over
            return None
        if role_of(request.user) < needed:
            return not_allowed(request, RoleNeeded(needed))
        return None


def may(request: HttpRequest) -> dict[str, Any]:
    """`{{ may.operate }}` for the templates; nobody is asked where a page does not."""
    user = getattr(request, "user", None)
    return {"may": SimpleLazyObject(lambda: May(role_of(user) if user else Role.NONE))}


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for 403: which role is needed, and who gives it."""
    if is_api(request):
        return error_answer(403, str(exception) or "This is not allowed.")
    needed = exception.needed if isinstance(exception, RoleNeeded) else Role.ADMIN
    user = getattr(request, "user", None)
    context = {
        "needed": needed,
        "role": role_of(user) if user else Role.NONE,
    }
    return render(request, "403.html", context, status=403)
