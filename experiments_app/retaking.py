"""Measures a level, and measures it again where something else disturbed that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments_app.attempt_context import AttemptContext
from experiments_app.benchmark import BenchmarkError, ErrorKind, LevelResult
from experiments_app.foreign_load import Reading, Seen, Watch

MAX_TAKES = 3


@dataclass(frozen=True)
class Take:
    """A level measured once. `take` counts from 1."""

    result: LevelResult
    seen: Seen
    take: int


class Retaking:
    """`read` as for `Watch`.

    A machine that stays busy disturbs every level: after one that was disturbed in all its takes,
    the others of the experiment are measured once.
    """

    def __init__(self, context: AttemptContext, read: Callable[[], Reading | None]) -> None:
        self._context = context
        self._read = read
        self._is_worth_it = context.spec.benchmark.remeasure_disturbed

    def measure(
        self,
        named: str,
        measure: Callable[[int], LevelResult],
        has_time: Callable[[float], bool],
    ) -> tuple[LevelResult, dict[str, Any]]:
        """The least disturbed take of a level, and the conditions that it was measured under.

        `measure` makes a take of a number; `has_time` tells whether there is time for another of so
        many seconds. Raises what `measure` raises, where there is no take to be kept.
        """
        takes = [self._take(measure, 1)]
        while self._wants_another(takes, has_time):
            self._context.log(f"{named} was disturbed: {takes[-1].seen.why}; it is measured again")
            try:
                takes.append(self._take(measure, len(takes) + 1))
            except BenchmarkError as error:
                if error.kind != ErrorKind.SERVER:  # after which alone the client lives on
                    raise
                self._context.log(f"{named} could not be measured again: {error.message}")
                break
        best = min(takes, key=lambda take: (take.seen.is_disturbed, take.seen.share))
        conditions = best.seen.conditions() | {"tries": len(takes)}
        if best.seen.is_disturbed:
            self._is_worth_it = False
        if len(takes) > 1:
            conditions["counted_try"] = best.take
            self._context.log(f"{named}: try {best.take} of {len(takes)} counts")
        return best.result, conditions

    def _take(self, measure: Callable[[int], LevelResult], take: int) -> Take:
        with Watch(self._read) as watch:
            result = measure(take)
        return Take(result, watch.seen, take)

    def _wants_another(self, takes: list[Take], has_time: Callable[[float], bool]) -> bool:
        last = takes[-1]
        return (
            self._is_worth_it
            and last.seen.is_disturbed
            and bool(last.result.successes)
            and len(takes) < MAX_TAKES
            and has_time(last.result.duration_s)
        )
