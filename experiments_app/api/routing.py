"""How a call is written down: its role, its answers, what it may be asked with."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router
from ninja.responses import Status

from autotuner_site.roles import Role
from experiments_app.api.auth import signed_in
from experiments_app.api.errors import ApiError
from experiments_app.api.schemas import ErrorAnswer
from tasks_app.problems import Problem, did_you_mean

View = TypeVar("View", bound=Callable[..., Any])
ALWAYS = (401, 403, 429, 500, 503)
OF_BODIES = (400, 413, 415, 422)
"""What a call that reads a body may answer besides."""


class ApiRouter(Router):
    def call(
        self,
        method: str,
        path: str,
        *,
        answer: Any,
        status: int = 200,
        errors: Sequence[int] = (),
        role: Role | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Callable[[View], View]:
        """`answer`: the schema of success, None for an empty one. `role`: the least one; a viewer's
        where it only looks, else an operator's. `extra`: more of its OpenAPI entry.

        The function's name is the operation's, the first line of its docstring the summary.
        """
        least = role if role is not None else Role.VIEWER if method == "GET" else Role.OPERATOR
        refused = sorted({*ALWAYS, *errors})

        def decorate(view: View) -> View:
            summary, _, rest = inspect.cleandoc(view.__doc__ or view.__name__).partition("\n\n")
            known: set[str] = set()
            self.add_api_operation(
                path,
                ["GET", "HEAD"] if method == "GET" else [method],
                _strict(view, known, status),
                auth=signed_in(least),
                response={status: answer, **dict.fromkeys(refused, ErrorAnswer)},
                operation_id=view.__name__,
                summary=summary.rstrip("."),
                description=f"{rest}\n\nRole: {least.word}.".strip(),
                openapi_extra={"x-role": least.word, **(extra or {})},
            )
            known.update(_query_names(self.path_operations[path].operations[-1]))
            return view

        return decorate


def _strict(view: Callable[..., Any], known: set[str], status: int) -> Callable[..., Any]:
    """A parameter that is not known is refused: left out, a filter that was mistyped would give
    everything."""

    @functools.wraps(view)
    def checked(request: HttpRequest, **values: Any) -> Any:
        if unknown := sorted(set(request.GET) - known):
            problems = [
                Problem(name[:100], "there is no such parameter", did_you_mean(name[:100], known))
                for name in unknown[:20]
            ]
            raise ApiError(422, "The address has an unknown parameter.", problems)
        answer = view(request, **values)
        return answer if isinstance(answer, HttpResponseBase) else Status(status, answer)

    return checked


def _query_names(operation: Any) -> set[str]:
    return {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }
