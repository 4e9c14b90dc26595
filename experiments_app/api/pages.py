"""Lists come a page at a time: `limit` and `offset`, with the addresses of the pages beside."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

DEFAULT_LIMIT = 25
MAX_LIMIT = 200
MAX_OFFSET = 10**9
Row = TypeVar("Row", bound=Model)


class Slice(Schema):
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    offset: int = Field(0, ge=0, le=MAX_OFFSET)


def page_of(
    request: HttpRequest,
    rows: "QuerySet[Row]",
    asked: Slice,
    shape: Callable[[Sequence[int]], list[Any]],
) -> dict[str, Any]:
    """`shape` makes the items of a page from the keys of its rows, in their order."""
    count = rows.count()
    keys = list(rows.values_list("pk", flat=True)[asked.offset : asked.offset + asked.limit])
    after, before = asked.offset + asked.limit, max(asked.offset - asked.limit, 0)
    return {
        "items": shape(keys),
        "count": count,
        "limit": asked.limit,
        "offset": asked.offset,
        "next": _address(request, asked.limit, after) if after < count else None,
        "previous": _address(request, asked.limit, before) if asked.offset else None,
    }


def _address(request: HttpRequest, limit: int, offset: int) -> str:
    query = request.GET.copy()
    query["limit"], query["offset"] = str(limit), str(offset)
    return f"{request.path}?{query.urlencode()}"
