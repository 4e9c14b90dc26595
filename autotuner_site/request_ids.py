"""An id of each request: in its answer, in what is logged meanwhile, on the page for a fault."""

import re
import sys
import uuid
from collections.abc import Callable

from django.db import DatabaseError, Error, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template import loader
from django.views.defaults import page_not_found

from autotuner_site.api_errors import error_answer, is_api
from autotuner_site.log_context import current_fields, log_fields

HEADER = "X-Request-ID"
AWAY = (DatabaseError, InterfaceError)
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


class RequestIdMiddleware:
    """The outermost. What a proxy calls the request is kept, where it can stand in a log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        with log_fields(request=request_id):
            response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for 500. It asks nothing of the site, in which something has just broken.

    Where what broke is the way to the database, the page is 503 and says so.
    """
    request_id = str(current_fields().get("request", ""))
    if is_api(request):
        return _as_json(request_id)
    context = {"request_id": request_id}
    if isinstance(sys.exception(), AWAY) and not _database_answers():
        page = loader.get_template("503.html").render(context)
        return HttpResponse(page, status=503, headers={"Retry-After": "10"})
    return HttpResponse(loader.get_template("500.html").render(context), status=500)


def _as_json(request_id: str) -> HttpResponse:
    if isinstance(sys.exception(), AWAY) and not _database_answers():
        message = "The database does not answer. Try again in a few seconds."
        return error_answer(503, message, headers={"Retry-After": "10"})
    message = f"Something broke here; the site's log tells what, under {request_id}."
    return error_answer(500, message)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for 404."""
    if is_api(request):
        return error_answer(404, "There is nothing at this address.")
    return page_not_found(request, exception)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True
