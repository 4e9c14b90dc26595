"""The one shape of an error under /api/, for what the API refuses and for what breaks around it.

{"error": {"kind": "invalid", "message": "…", "problems": [{"path", "message", "hint"}]}}
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, JsonResponse

PREFIX = "/api/"
KINDS: Mapping[int, str] = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
"""Every status that an error can have, with the word that programs go by."""

ProblemData = Mapping[str, str]


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(PREFIX)


def error_answer(
    status: int,
    message: str,
    problems: Sequence[ProblemData] = (),
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> JsonResponse:
    """`more`: further keys of the error, which its kind has beside the usual three."""
    error = {"kind": KINDS[status], "message": message, "problems": list(problems)}
    if status == 401:
        headers = {"WWW-Authenticate": 'Bearer realm="api"', **(headers or {})}
    return JsonResponse(
        {"error": error | dict(more or {})},
        status=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
