"""What results of another site would become here, told before anything is stored."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from experiments_app import objective
from experiments_app.past_import import SentResults, parse_results, past_results
from experiments_app.recollection import NOT_BY_ITS_FLAGS
from tasks_app.models import PastResults, Task
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import site_runtimes


@dataclass(frozen=True)
class PastPreview:
    """One file. `text` is what of it counts, as JSON that can be read once more.

    `past` is what would be stored, None where `problems` say why it cannot be; `known` is what is
    stored of it already; `learners` counts the tasks of this site that are comparable.
    """

    source: str
    problems: Sequence[Problem] = ()
    past: PastResults | None = None
    text: str = ""
    left_out: str = ""
    known: PastResults | None = None
    learners: int = 0
    has_runtime: bool = True

    @classmethod
    def of(cls, content: bytes, source: str) -> Self:
        try:
            results = parse_results(content)
        except SpecError as error:
            return cls(source, error.problems)
        past = past_results(results)
        return cls(
            source,
            past=past,
            text=json.dumps(_counting(results), separators=(",", ":")),
            left_out=_left_out(results),
            known=PastResults.objects.filter(fingerprint=past.fingerprint).first(),
            learners=_learners(past),
            has_runtime=site_runtimes().find(past.base_runtime) is not None,
        )

    @property
    def can_be_stored(self) -> bool:
        return self.past is not None and self.known is None

    @property
    def _trials(self) -> Sequence[dict[str, Any]]:
        return self.past.trials if self.past else ()

    @property
    def measured(self) -> int:
        return sum(trial["status"] == "success" for trial in self._trials)

    @property
    def infeasible(self) -> int:
        return sum(t["status"] == "success" and not t["feasible"] for t in self._trials)

    @property
    def failed(self) -> int:
        """By their flags, as far as the cause tells."""
        return sum(
            t["status"] == "failed" and t["error_kind"] not in NOT_BY_ITS_FLAGS
            for t in self._trials
        )

    @property
    def untold(self) -> int:
        """Failures of which nothing can be learned."""
        return len(self._trials) - self.measured - self.failed

    @property
    def best(self) -> dict[str, Any] | None:
        scored = [trial for trial in self._trials if trial["score"] is not None]
        if self.past is None or not scored:
            return None
        pick = max if objective.is_maximised(self.past.objective) else min
        return pick(scored, key=lambda trial: float(trial["score"]))


def _counting(results: SentResults) -> dict[str, Any]:
    told = [one.model_dump() for one in results.experiments if one.is_told]
    searched = dict.fromkeys(results.spec.parameters)
    return results.model_dump() | {
        "spec": {"parameters": searched, "slo": results.spec.slo},
        "experiments": told,
    }


def _left_out(results: SentResults) -> str:
    """In words: `the baseline, 2 pruned`."""
    others = [one for one in results.experiments if not one.is_told]
    counts = Counter("the baseline" if not one.number else one.status for one in others)
    words = [
        status if status == "the baseline" else f"{count} {status[:20]}"
        for status, count in counts.most_common(5)
    ]
    return ", ".join(words)


def _learners(past: PastResults) -> int:
    searched = set(past.searched)
    tasks = Task.objects.in_use().filter(base_runtime=past.base_runtime)
    rows: Iterable[tuple[dict[str, Any], dict[str, Any]]] = tasks.values_list(
        "parameters", "optimization"
    )
    return sum(
        optimization.get("objective") == past.objective
        and not optimization.get("objectives")
        and optimization.get("learn", True)
        and bool(searched & parameters.keys())
        for parameters, optimization in rows
    )
