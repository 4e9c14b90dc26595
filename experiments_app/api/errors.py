"""What the API refuses, in the one shape of `autotuner_site.api_errors`."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from autotuner_site.api_errors import KINDS, error_answer
from tasks_app.models import StaleState
from tasks_app.problems import Problem, SpecError
from tasks_app.validation import place

NO_SIGN_IN = (
    "Sign in: send the header `Authorization: Bearer TOKEN`. Tokens are made on the page"
    " /account/tokens."
)


class ApiError(Exception):
    """An answer that is no success; `more` are further keys of its error."""

    def __init__(
        self,
        status: int,
        message: str,
        problems: Iterable[Problem] = (),
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = tuple(problems)
        self.headers = headers
        self.more = more


def problem_data(problem: Problem) -> dict[str, str]:
    return {"path": problem.path, "message": problem.message, "hint": problem.suggestion}


def add_handlers(api: NinjaAPI) -> None:
    """In the order of their classes: ninja takes the nearest."""
    api.add_exception_handler(ApiError, _refused)
    api.add_exception_handler(SpecError, _cannot_be_used)
    api.add_exception_handler(StaleState, _stale)
    api.add_exception_handler(Http404, _missing)
    api.add_exception_handler(HttpError, _by_ninja)
    api.add_exception_handler(ValidationError, _wrong_parameters)
    api.add_exception_handler(Exception, _fault)


def _refused(request: HttpRequest, error: Any) -> HttpResponse:
    problems = [problem_data(problem) for problem in error.problems]
    return error_answer(
        error.status, error.message, problems, headers=error.headers, more=error.more
    )


def _cannot_be_used(request: HttpRequest, error: Any) -> HttpResponse:
    count = len(error.problems)
    message = f"This cannot be used: {count} problem{'s' if count > 1 else ''}."
    return error_answer(422, message, [problem_data(problem) for problem in error.problems])


def _stale(request: HttpRequest, error: Any) -> HttpResponse:
    return error_answer(409, str(error))


def _missing(request: HttpRequest, error: Any) -> HttpResponse:
    return error_answer(404, str(error) or "There is nothing at this address.")


def _by_ninja(request: HttpRequest, error: Any) -> HttpResponse:
    """What ninja refuses: mostly a body, for what our own parser has against it."""
    if isinstance(error.__cause__, ApiError):
        return _refused(request, error.__cause__)
    status = error.status_code if error.status_code in KINDS else 400
    return error_answer(status, str(error))


def _wrong_parameters(request: HttpRequest, error: Any) -> HttpResponse:
    problems = [problem_data(_problem(one)) for one in error.errors]
    return error_answer(422, "A parameter, or the body, is not as it must be.", problems)


def _problem(details: Mapping[str, Any]) -> Problem:
    source, *path = details["loc"]
    if source == "body" and path:
        path = path[1:]  # the name that our function has for the whole body
    allowed = details.get("ctx", {}).get("expected", "")
    return Problem(place(path), str(details["msg"]), f"one of {allowed}" if allowed else "")


def _fault(request: HttpRequest, error: Any) -> HttpResponse:
    """A bug is a bug: Django logs it, and `request_ids.server_error` answers."""
    raise error
