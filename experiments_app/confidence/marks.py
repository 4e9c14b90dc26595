"""What must be known of a measurement before its figures are believed, in words.

From what is stored with it, so that it stays when the requests themselves have been pruned. A
measurement from before anything was stored has only the marks of its columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from experiments_app import words
from tasks_app.percentile_requests import percentile_of, requests_needed

_FIGURES = {
    "ttft": "the mean TTFT",
    "tpot": "the mean TPOT",
    "e2e": "the mean E2E latency",
    "output_tokens_per_s": "the throughput",
}
RAMP_UP_RATIO = 1.5
"""From here on the first wave's TTFT is told to be another one than that of the rest."""


class Row(Protocol):
    """The columns of a Measurement that are looked at, or a level before it is stored."""

    @property
    def num_requests(self) -> int: ...
    @property
    def num_errors(self) -> int: ...
    @property
    def num_cut_off(self) -> int: ...
    @property
    def conditions(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Mark:
    """`name` stands beside the figures, `words` explain it; `is_grave` where they may mislead."""

    name: str
    words: str
    is_grave: bool = True


def marks_of(row: Row, figures: Mapping[str, float | None], slo: Mapping[str, float]) -> list[Mark]:
    """`figures`: the latencies by their names (`ttft_p99_s`)."""
    return [
        *_cut_off(row),
        *_disturbance(row),
        *_other_requests(row),
        *_steadiness(row),
        *_slo(row, figures, slo),
        *_few(row),
        *_ramp(row),
    ]


def interval_of(row: Row, figure: str) -> tuple[float | None, float | None] | None:
    """The 95 % interval of a figure; None where there is none."""
    found: Sequence[float | None] | None = row.conditions.get("intervals", {}).get(figure)
    return (found[0], found[1]) if found and (found[0], found[1]) != (None, None) else None


def interval_words(interval: tuple[float | None, float | None]) -> str:
    """`0.4120–0.5310`, `at least 0.4120`"""
    lower, upper = interval
    if lower is None or upper is None:
        return f"at least {_number(lower)}" if upper is None else f"at most {_number(upper)}"
    return f"{_number(lower)}–{_number(upper)}"


def slo_doubts(
    row: Row, figures: Mapping[str, float | None], slo: Mapping[str, float]
) -> Iterator[str]:
    """The bounds of the SLO that may be met or missed by chance: their interval holds the bound.

    Of the error rate only where a request failed: that none of a hundred did is never proof of less
    than 1 %, and would be told of every level.
    """
    for name, bound in slo.items():
        interval = interval_of(row, name)
        if name == "error_rate":
            value = row.num_errors / row.num_requests if row.num_errors else None
        else:
            value = figures.get(name)
        if interval is None or value is None:
            continue
        lower, upper = interval
        is_met = value <= bound
        if is_met and (upper is None or upper > bound):
            yield f"{words.slo(name, bound)}: met, but the truth may be {_beyond(interval, bound)}"
        elif not is_met and (lower is None or lower <= bound):
            yield f"{words.slo(name, bound)}: missed, but the truth may be within it"


def too_few(row: Row, figure: str) -> str:
    """Why a percentile has no upper bound, or ""."""
    percentile = percentile_of(figure)
    interval = row.conditions.get("intervals", {}).get(figure)
    if percentile is None or interval is None or interval[1] is not None:
        return ""
    needed, answered = requests_needed(percentile), row.num_requests - row.num_errors
    worth = row.conditions.get("independent_requests", {}).get(figure)
    if worth is not None and answered >= needed:
        return (
            f"at least {needed} independent requests are needed for an upper bound on"
            f" p{percentile}; these {answered} depend on each other and are worth {worth}"
        )
    return (
        f"at least {needed} requests are needed for a 95% bound on p{percentile};"
        f" {answered} were answered"
    )


def steadiness_words(row: Row) -> str:
    """What was not steady about it; "" for a steady one, and where that cannot be told."""
    found = row.conditions.get("steadiness", {})
    if found.get("verdict") not in {"trending", "warming_up"}:
        return ""
    change = float(found["change"])
    figure = _FIGURES.get(found["figure"], found["figure"])
    moved = f"{'rises' if change > 0 else 'falls'} by {abs(change):.0%}"
    if found["verdict"] == "trending":
        return f"{figure} {moved} from the level's beginning to its end"
    return f"{figure} {moved} after the level's first fifth: the server was not warm"


def cut_off_words(row: Row) -> str:
    return (
        f"{row.num_cut_off} of {row.num_requests} answers have another length than was asked for,"
        " so that the load is not the same for all"
    )


def _cut_off(row: Row) -> Iterator[Mark]:
    if row.num_cut_off:
        yield Mark("cut off", cut_off_words(row))


def _disturbance(row: Row) -> Iterator[Mark]:
    tries = row.conditions.get("tries", 1)
    if why := row.conditions.get("disturbed_by"):
        yield Mark("disturbed", why)
    if tries > 1:
        counted = row.conditions.get("counted_try")
        yield Mark(
            f"measured again ({tries} tries)",
            f"it was disturbed at first; try {counted}, the least disturbed, counts",
            is_grave=False,
        )


def _other_requests(row: Row) -> Iterator[Mark]:
    other = row.conditions.get("other_requests_than")
    if other is not None:
        yield Mark("other requests", f"it was measured with other requests than #{other}")


def _steadiness(row: Row) -> Iterator[Mark]:
    if told := steadiness_words(row):
        yield Mark("not steady", told)
    elif row.conditions.get("steadiness", {}).get("verdict") == "too_short":
        yield Mark(
            "too short to tell",
            "too few waves of requests to tell whether the load was steady",
            is_grave=False,
        )


def _slo(row: Row, figures: Mapping[str, float | None], slo: Mapping[str, float]) -> Iterator[Mark]:
    if doubts := list(slo_doubts(row, figures, slo)):
        yield Mark("SLO not sure", "; ".join(doubts))


def _few(row: Row) -> Iterator[Mark]:
    found = [told for name in row.conditions.get("intervals", {}) if (told := too_few(row, name))]
    if found:
        yield Mark("too few requests", "; ".join(dict.fromkeys(found)), is_grave=False)


def _ramp(row: Row) -> Iterator[Mark]:
    ramp_up = row.conditions.get("ramp_up") or {}
    ratio = ramp_up.get("ttft_ratio", 1.0)
    if ratio >= RAMP_UP_RATIO:
        yield Mark(
            "ramp-up",
            f"the first {ramp_up['requests']} requests, sent all at once, waited {ratio:.1f} times"
            " as long for their first token as the others",
            is_grave=False,
        )


def _beyond(interval: tuple[float | None, float | None], bound: float) -> str:
    _lower, upper = interval
    return f"as high as {_number(upper)}" if upper is not None else f"above {_number(bound)}"


def _number(value: float | None) -> str:
    return words.number(value) if value is not None else "–"
