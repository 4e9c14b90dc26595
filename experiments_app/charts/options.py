"""What a reader chose to see: from the query of an address, and back into one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from django.http import QueryDict

from experiments_app.metrics import LATENCIES, STATISTICS

MAX_CHOSEN = 8
LATENCY_NAMES: Mapping[str, str] = {
    "ttft": "time to first token",
    "tpot": "time per output token",
    "e2e": "end-to-end latency",
}
STATISTIC_NAMES: Mapping[str, str] = {"mean": "mean"} | {
    name: f"{name[1:]}th percentile" for name in STATISTICS if name != "mean"
}


@dataclass(frozen=True)
class ChartOptions:
    """Empty where the chart decides. What nobody can have chosen is taken for not chosen.

    `over` is what progress is drawn over: experiments or time; `x` and `y` name parameters.
    """

    experiments: tuple[int, ...] = ()
    latency: str = ""
    statistic: str = ""
    over: str = ""
    x: str = ""
    y: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        numbers = [n for n in query.getlist("experiment") if n.isascii() and n.isdecimal()]
        chosen = [int(number) for number in numbers if len(number) < 9]
        return cls(
            experiments=tuple(dict.fromkeys(chosen))[:MAX_CHOSEN],
            latency=_one_of(query, "latency", LATENCIES),
            statistic=_one_of(query, "statistic", STATISTICS),
            over=_one_of(query, "over", ("experiments", "time")),
            x=query.get("x", ""),
            y=query.get("y", ""),
        )

    def to_query(self) -> str:
        """As it stands in an address, without what was not chosen."""
        pairs: list[tuple[str, object]] = [("experiment", n) for n in self.experiments]
        names = ("latency", "statistic", "over", "x", "y")
        pairs += [(name, getattr(self, name)) for name in names if getattr(self, name)]
        return urlencode(pairs)


def _one_of(query: QueryDict, name: str, values: tuple[str, ...]) -> str:
    value = query.get(name, "")
    return value if value in values else ""
