"""What a reader asks of the table: order, which states, which load level, which page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from django.http import QueryDict

from experiments_app.table.columns import Column

STATES: Mapping[str, str] = {
    "success": "Measured",
    "infeasible": "Infeasible",
    "failed": "Failed",
    "pruned": "Pruned",
    "cancelled": "Cancelled",
}
USUAL_STATES = frozenset({"success", "infeasible", "failed"})
ALWAYS_SHOWN = ("number", "score")
OWN = ("run", "sort", "status", "level", "page", "columns", "column", "seen")
MAX_REMEMBERED = 300


@dataclass(frozen=True)
class TableQuery:
    """`sort` is a column's key. `level` counts the points of the spec. What an address says
    wrongly is left out; `others` is what it says about the rest of the page."""

    others: str = ""
    run: str = ""
    sort: str = "number"
    descending: bool = False
    state: str = ""
    level: int | None = None
    page: int = 1

    @classmethod
    def parse(cls, data: QueryDict, columns: tuple[Column, ...], levels: int) -> Self:
        wanted = data.get("sort", "")
        key = wanted.removeprefix("-")
        is_known = key in {*ALWAYS_SHOWN, *(column.key for column in columns)}
        level = _number(data.get("level"))
        others = data.copy()
        for name in OWN:
            others.pop(name, None)
        return cls(
            others=others.urlencode(),
            run=data.get("run", ""),
            sort=key if is_known else "number",
            descending=is_known and wanted.startswith("-"),
            state=data.get("status", "") if data.get("status") in STATES else "",
            level=level if level is not None and level < levels else None,
            page=_number(data.get("page")) or 1,
        )

    @property
    def is_plain(self) -> bool:
        """Everything in the order it was made."""
        return self.sort == "number" and not self.descending and not self.state

    def address(self, **changes: Any) -> str:
        """The query string of the same table with `changes`, on its first page if not told."""
        return _address(replace(self, **({"page": 1} | changes)))

    def sorted_by(self, key: str) -> str:
        """Another click on the same column turns it round."""
        return self.address(sort=key, descending=self.sort == key and not self.descending)


def chosen_columns(data: QueryDict, columns: tuple[Column, ...]) -> dict[str, bool]:
    """What the menu of columns was sent with, for each column that it offered."""
    chosen = set(data.getlist("column"))
    return {column.key: column.key in chosen for column in columns}


def remember(choice: Mapping[str, bool], new: Mapping[str, bool]) -> dict[str, bool]:
    """Parameters differ from task to task: the oldest are forgotten."""
    merged = {key: value for key, value in choice.items() if key not in new} | dict(new)
    return dict(list(merged.items())[-MAX_REMEMBERED:])


def _address(query: TableQuery) -> str:
    data = QueryDict(query.others, mutable=True)
    if query.run:
        data["run"] = query.run
    if query.sort != "number" or query.descending:
        data["sort"] = f"-{query.sort}" if query.descending else query.sort
    if query.state:
        data["status"] = query.state
    if query.level is not None:
        data["level"] = str(query.level)
    if query.page > 1:
        data["page"] = str(query.page)
    return f"?{data.urlencode()}"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 7 else None
