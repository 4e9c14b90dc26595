"""The API as a whole: its routers, its OpenAPI document."""

import functools
from collections.abc import Callable
from http.client import responses
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Router
from ninja.openapi.schema import OpenAPISchema

from autotuner_site.api_errors import KINDS, error_answer
from autotuner_site.roles import Role
from autotuner_site.templatetags.site import site_version
from experiments_app.api import (
    errors,
    experiments,
    presets,
    reports,
    results,
    runtimes,
    system,
    task_actions,
    tasks,
)
from experiments_app.api.auth import signed_in
from experiments_app.api.documents import StrictParser
from experiments_app.api.errors import ApiError
from experiments_app.api.examples import SCHEMA_NAME
from tasks_app.spec import TaskSpec

ROUTERS: tuple[tuple[str, Router], ...] = (
    ("/tasks", tasks.router),
    ("/tasks", task_actions.router),
    ("/tasks", results.router),
    ("/tasks", reports.router),
    ("/tasks", experiments.of_tasks),
    ("/experiments", experiments.router),
    ("/runtimes", runtimes.router),
    ("/presets", presets.router),
    ("/system", system.router),
    ("/me", system.account),
)
"""Where each stands under /api/v1: a new subject is one line."""
ABOUT = """What the pages of the site do, for programs. Sign in with `Authorization: Bearer TOKEN`;
tokens are made on the page /account/tokens and carry the role of their user. Field names are those
of the task file. Every error has one shape."""


TOO_LONG = {
    "description": "The request line is longer than 4,094 characters: the web server says so"
    " itself, and not in the shape of the site's errors.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}


RETRY_AFTER = {
    "description": "Seconds after which the call may be sent again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}


class SiteApi(NinjaAPI):
    """Ninja's, with the OpenAPI entries that it does not make by itself."""

    def get_openapi_schema(self, **asked: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**asked)
        for path in document["paths"].values():
            path.pop("head", None)  # any GET may be asked for its head
            for operation in path.values():
                _describe_errors(operation)
        schemas = document["components"]["schemas"]
        task_file = TaskSpec.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(task_file.pop("$defs", {}))
        schemas[SCHEMA_NAME] = task_file
        return document


def _describe_errors(operation: dict[str, Any]) -> None:
    for status, entry in operation["responses"].items():
        if kind := KINDS.get(int(status)):
            entry["description"] = f"{responses[int(status)]}: `{kind}`"
            example = {"error": {"kind": kind, "message": "…", "problems": []}}
            entry["content"]["application/json"]["example"] = example
        if int(status) in {429, 503}:
            entry["headers"] = {"Retry-After": RETRY_AFTER}
    operation["responses"]["414"] = TOO_LONG


def _for_accounts(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The document itself is for whoever is signed in."""

    @never_cache
    def asked(request: HttpRequest, **values: Any) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return error_answer(405, "Only GET is answered here.", headers={"Allow": "GET, HEAD"})
        try:
            any(callback(request) for callback in signed_in(Role.NONE))  # the last one refuses
        except ApiError as error:
            return api.on_exception(request, error)
        return view(request, **values)

    return asked


def _plain(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """In JSON what ninja answers in plain text: a method that there is not. Nothing is kept by
    caches, for it is somebody's."""

    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        response = view(request, *args, **values)
        if response.status_code == 405 and "json" not in response.headers["Content-Type"]:
            allow = ", ".join(sorted(response.headers["Allow"].split(", ")))
            message = f"{request.method} is not answered here; {allow} is."
            response = error_answer(405, message, headers={"Allow": allow})
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answered


def _make() -> SiteApi:
    made = SiteApi(
        title="Autotuner",
        version="1",
        description=f"{ABOUT}\n\nAutotuner {site_version()}.",
        urls_namespace="api-v1",
        docs_url=None,
        docs_decorator=_for_accounts,
        parser=StrictParser(),
    )
    errors.add_handlers(made)
    for prefix, router in ROUTERS:
        made.add_router(prefix, router)
    return made


def addresses() -> Any:
    """For `urls.py`. What changes something asks for the CSRF token itself, where a browser's
    session is used (`auth.SessionAuth`)."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.callback is not None:
            pattern.callback = csrf_exempt(_plain(pattern.callback))
    return patterns, app_name, namespace


api = _make()
