"""Reading bodies: JSON, and for task files YAML too, by the reader that files go through."""

from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from experiments_app.api.errors import ApiError
from tasks_app.documents import MAX_BYTES, DocumentError, decode_text, load_document, load_json
from tasks_app.problems import Problem

JSON = ("application/json",)
YAML = (
    "application/yaml",
    "application/x-yaml",
    "application/vnd.yaml",
    "text/yaml",
    "text/x-yaml",
)


def read_document(request: HttpRequest, *, yaml: bool = False) -> Any:
    """What the body says. Raises ApiError: 413 too large, 415 of another type, 400 unreadable."""
    if not request.body:
        raise ApiError(400, "The body is empty.", [Problem("", "there is nothing in it")])
    kind = request.content_type or ""
    known = (*JSON, *YAML) if yaml else JSON
    if kind not in known:
        sent = f"not {kind[:100]}" if kind else "there is none"
        wanted = "application/json or application/yaml" if yaml else "application/json"
        raise ApiError(415, f"Content-Type must be {wanted}; {sent}.")
    if len(request.body) > MAX_BYTES:
        raise ApiError(413, f"The body is larger than {MAX_BYTES:,} bytes.")
    try:
        text = decode_text(request.body)
        document = load_json(text) if kind in JSON else load_document(text)
    except DocumentError as error:
        hint = f"line {error.line}" if error.line else ""
        problems = [Problem("", error.message, hint)]
        raise ApiError(400, "The body cannot be read.", problems) from error
    if document is None:
        raise ApiError(400, "The body is empty.", [Problem("", "there is nothing in it")])
    return document


def read_mapping(request: HttpRequest, *, yaml: bool = False) -> dict[str, Any]:
    document = read_document(request, yaml=yaml)
    if not isinstance(document, dict):
        raise ApiError(
            422, "The body is not a mapping.", [Problem("", "must be a mapping of keys to values")]
        )
    return document


class StrictParser(Parser):
    """For the bodies that ninja checks: keys stand once, numbers are numbers."""

    def parse_body(self, request: HttpRequest) -> Any:
        return read_document(request)
