"""What must be known before the figures of a run are believed, the gravest first."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments_app import words
from experiments_app.comparison import measurements_of
from experiments_app.confidence.marks import marks_of
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from experiments_app.provenance_words import OBSERVED
from tasks_app.models import Task

UNLIKE = {
    "images": "images",
    "engine_versions": "versions of the engine",
    "drivers": "GPU drivers",
    "hosts": "machines",
}


@dataclass(frozen=True)
class Caution:
    """`is_grave` where figures may mislead."""

    text: str
    is_grave: bool = True


def cautions_of(overview: TaskOverview, observed: Mapping[str, Any]) -> list[Caution]:
    """`observed` as `provenance.observed` gives it."""
    found = [
        *_of_the_run(overview),
        *_of_the_answer(overview),
        *_of_circumstances(observed),
        *_of_levels(overview),
        *_of_what_failed(overview),
    ]
    return sorted(dict.fromkeys(found), key=lambda caution: not caution.is_grave)


def _of_the_run(overview: TaskOverview) -> Iterator[Caution]:
    if overview.status.is_under_way:
        yield Caution("The run had not ended when this report was made: its answer may change.")
    elif overview.status != Task.Status.COMPLETED:
        message = overview.message.partition("\n")[0][:300]
        why = f": {message}" if message and message != overview.status else ""
        yield Caution(f"The run ended as {overview.status.label.lower()}{why}.")
    view = overview.final_view
    if view is not None and view.final.drift is not None and view.final.drift.is_real:
        yield Caution(view.drift_words)


def _of_the_answer(overview: TaskOverview) -> Iterator[Caution]:
    for doubt in overview.doubts:
        yield Caution(f"{words.capital(str(doubt))}.")
    if overview.losses:
        yield Caution(f"The answer is {overview.losses}.")


def _of_circumstances(observed: Mapping[str, Any]) -> Iterator[Caution]:
    for key in OBSERVED:
        if len(observed.get(key) or ()) > 1:
            yield Caution(f"The run used several {UNLIKE[key]}: {'; '.join(observed[key])}.")
    differing = [level for level, told in (observed.get("prompts") or {}).items() if ";" in told]
    if differing:
        yield Caution(f"Not all experiments had the same requests at {', '.join(differing)}.")


def _of_levels(overview: TaskOverview) -> Iterator[Caution]:
    """Marks of the load levels of the answer and of the default."""
    shown = [e for e in (overview.answer, overview.baseline) if e is not None]
    measured = measurements_of(list({e.pk: e for e in shown}.values()))
    slo = overview.spec.slo
    places: dict[tuple[str, bool], list[str]] = {}
    for experiment in shown:
        for row in measured[experiment.pk]:
            level = f"{row.scenario} × {row.concurrency} of {words.experiment(experiment.number)}"
            figures = {name: getattr(row, name, None) for name in slo}
            for mark in marks_of(row, figures, slo):
                key = f"{mark.name}: {mark.words}", mark.is_grave
                places.setdefault(key, []).append(level)
    for (told, is_grave), levels in places.items():
        yield Caution(f"{_listed(list(dict.fromkeys(levels)))}: {told}.", is_grave)


def _of_what_failed(overview: TaskOverview) -> Iterator[Caution]:
    failed = [e for e in overview.experiments if e.status == Experiment.Status.FAILED]
    kinds = Counter(words.cause(e.error_kind) for e in failed)
    if failed:
        told = ", ".join(f"{kind} {count}×" for kind, count in kinds.most_common())
        yield Caution(f"{len(failed)} of {overview.made} experiments failed: {told}.", False)
    reused = sum(e.reused_from_id is not None for e in overview.experiments)
    if reused:
        yield Caution(f"{reused} experiments are taken over from an earlier run.", False)


def _listed(levels: Sequence[str], most: int = 4) -> str:
    more = f" and {len(levels) - most} more" if len(levels) > most else ""
    return ", ".join(levels[:most]) + more
