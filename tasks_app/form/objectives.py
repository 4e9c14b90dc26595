"""Several objectives as boxes to check: what the browser sends, and what the form shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import QueryDict

from tasks_app.form.fields import NAMES
from tasks_app.spec_sections import LATENCY_METRICS, OBJECTIVE_NAMES, OF_TOKENS, STATISTICS

FIELD: Final = "objectives"
ORDER: Final = "objectives_order"
"""Holds the names as they were shown to be checked, for their order has a meaning and boxes have
none."""
AT_A_GLANCE: Final = ("throughput", "goodput", *OF_TOKENS)
"""What has no statistics to choose from."""
TITLES: Mapping[str, str] = {
    "ttft": "TTFT, first token",
    "tpot": "TPOT, per token",
    "e2e": "E2E, whole request",
}


@dataclass(frozen=True)
class Box:
    name: str
    label: str
    is_checked: bool


@dataclass(frozen=True)
class BoxLine:
    """Boxes of one metric; of what has no statistics no title."""

    title: str
    boxes: list[Box]


def joined(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a browser sends, with the boxes as one text, as a task's own objectives are."""
    if not isinstance(data, QueryDict):
        return data
    sent: dict[str, Any] = data.dict()
    checked = NAMES.read(", ".join(map(str, data.getlist(FIELD))))
    known = NAMES.read(str(sent.get(ORDER, "")))
    first = [name for name in known if name in checked]
    return sent | {FIELD: NAMES.write([*first, *(n for n in checked if n not in known)])}


def lines_of(text: str) -> list[BoxLine]:
    """All boxes there are; a name that is stored and unknown stays among them."""
    chosen = NAMES.read(text)
    unknown = [name for name in dict.fromkeys(chosen) if name not in OBJECTIVE_NAMES]
    rates = [*((name, name.capitalize()) for name in AT_A_GLANCE), *((n, n) for n in unknown)]
    return [
        BoxLine("", [Box(name, label, name in chosen) for name, label in rates]),
        *(
            BoxLine(TITLES[metric], [_latency(metric, s, chosen) for s in STATISTICS])
            for metric in LATENCY_METRICS
        ),
    ]


def _latency(metric: str, statistic: str, chosen: list[str]) -> Box:
    name = f"{metric}_{statistic}"
    return Box(name, statistic, name in chosen)
