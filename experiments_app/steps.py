"""The steps of an experiment as they pass, each with its seconds. Pure functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments_app.models import Experiment

_PULL = "Pull"
# Which phases of a worker make up a step, in order.
_PHASES: Mapping[str, tuple[str, ...]] = {
    "Prepare": ("preparing", "checking_model", "waiting_for_docker"),
    _PULL: ("pulling",),
    "Start": ("starting",),
    "Warm-up": ("warming_up",),
    "Measure": ("comparing_answers", "measuring"),
    "Stop": ("stopping",),
}


@dataclass(frozen=True)
class Step:
    """`state` is done, now, skipped or to-come; `since` is when the one of now began, in
    seconds since 1970; `note` says how far it is."""

    name: str
    state: str
    seconds: float | None = None
    since: float | None = None
    note: str = ""


def steps_of(experiment: Experiment | None, now: datetime, *, in_container: bool) -> list[Step]:
    """The steps of the experiment under way; without one, all of them are to come."""
    progress: Mapping[str, Any] = experiment.progress if experiment else {}
    names = [name for name in _PHASES if in_container or name != _PULL]
    phase = progress.get("phase")
    current = next((i for i, name in enumerate(names) if phase in _PHASES[name]), -1)
    first = _wait(experiment, now, is_over=current >= 0)
    return [first, *_steps(names, current, progress, now.timestamp())]


def _wait(experiment: Experiment | None, now: datetime, *, is_over: bool) -> Step:
    if experiment is None:
        return Step("Wait", "now")
    until = experiment.started_at or now
    waited_s = max((until - experiment.created_at).total_seconds(), 0.0)
    if is_over:
        return Step("Wait", "done", waited_s)
    return Step("Wait", "now", waited_s, since=experiment.created_at.timestamp())


def _steps(
    names: list[str], current: int, progress: Mapping[str, Any], now: float
) -> Iterator[Step]:
    passed: Mapping[str, float] = progress.get("passed") or {}
    for index, name in enumerate(names):
        known = [passed[phase] for phase in _PHASES[name] if phase in passed]
        seconds = sum(known) if known else None
        if index == current:
            # The phases of this step that have passed count in.
            since = progress["since"] - (seconds or 0.0) if "since" in progress else None
            seconds = None if since is None else max(now - since, 0.0)
            yield Step(name, "now", seconds, since, _note(progress))
        elif index < current:
            skipped = name == _PULL and seconds is None
            yield Step(name, "skipped" if skipped else "done", seconds)
        else:
            yield Step(name, "to-come")


def _note(progress: Mapping[str, Any]) -> str:
    if progress.get("phase") == "measuring" and progress.get("level"):
        of = f" of {progress['levels']}" if progress.get("levels") else ""
        return f"level {progress['level']}{of}"
    return ""
