"""How a run compares with a stored one: by how much its answer scores better or worse, and how sure
that is. Pure functions.

Both scores are geometric means of what a few starts of the server gave, each with the 95 % interval
that its own final found. The interval of the ratio is made of these two: half widths of independent
estimates add as squares (MOVER; Zou and Donner, Statistics in Medicine 27, 2008), on logarithms,
where such an interval is symmetric. It holds what differs from one start to the next in either run.
It cannot hold what changed on the machine between the runs: `default` says whether the unchanged
default moved as well, and `notes` what is not the same.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments_app import words
from experiments_app.ci.outcome import Outcome, Tried
from experiments_app.differences import Difference
from experiments_app.objective import is_maximised
from tasks_app.spec_sections import Benchmark, Optimization

NOT_THE_LOAD = frozenset(
    {
        *("model_name", "model_tokenizer"),
        *("max_requests_per_level", "max_minutes_per_level", "remeasure_disturbed"),
    }
)
"""Of the section benchmark, what changes how sure a figure is and not what it means."""
SCORED_BY = ("across_scenarios", "scenario_weights")
MOST_NOTES = 12


@dataclass(frozen=True)
class Stored:
    """A run to compare with, by the name that the user knows it by."""

    name: str
    outcome: Outcome


@dataclass(frozen=True)
class Change:
    """From the stored run to this one; more is better. `best`: of the answers' scores, `default`:
    of those of the unchanged default. A half width is infinite where nothing is known of the noise.
    `obstacle`: why the scores mean different things; then there is no figure."""

    stored: Stored
    best: Difference | None = None
    default: Difference | None = None
    obstacle: str = ""
    unknown: str = ""
    notes: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        outcome = self.stored.outcome
        return {
            "with": self.stored.name,
            "task": outcome.task,
            "run": outcome.run,
            "score": outcome.best.objective_score if outcome.best else None,
            "change": self.best.gain if self.best else None,
            "change_ci95": _pair(self.best),
            "default_change": self.default.gain if self.default else None,
            "default_change_ci95": _pair(self.default),
            "obstacle": self.obstacle or None,
            "unknown": self.unknown or None,
            "notes": list(self.notes),
        }


def compare(now: Outcome, stored: Stored) -> Change:
    then = stored.outcome
    if found := obstacles(now, then):
        return Change(stored, obstacle="; ".join(found))
    notes = tuple(_notes(now, then))
    best = _difference(now, now.best, then, then.best)
    default = _difference(now, now.baseline, then, then.baseline)
    unknown = ""
    if best is not None and not math.isfinite(best.half_width):
        unknown = _why_unknown(now, stored)
    return Change(stored, best, default, unknown=unknown, notes=notes)


def obstacles(now: Outcome, then: Outcome) -> list[str]:
    """Why the scores of the two cannot be compared at all: each answers another question."""
    found = []
    if now.objective != then.objective:
        found.append(f"the objective is {now.objective} and was {then.objective}")
    if any(one.section("optimization").get("objectives") for one in (now, then)):
        found.append("several objectives are traded against one another: there is no one score")
    models = _last(now), _last(then)
    if models[0] != models[1]:
        found.append(f"the model is {models[0]} and was {models[1]}")
    if changed := _changed(_load(now), _load(then)):
        found.append(f"the load is another one ({changed})")
    if changed := _changed(now.section("slo"), then.section("slo")):
        found.append(f"the SLO is another one ({changed})")
    if len(now.section("benchmark").get("traffic_scenarios") or ()) > 1 and (
        changed := _changed(_scoring(now), _scoring(then))
    ):
        found.append(f"scenarios become one score in another way ({changed})")
    return found


def change_in_words(change: Difference) -> str:
    """`+1.2% (95%: −2% to +4%)`"""
    told = words.percent(change.gain)
    return f"{told} (95%: {words.interval(change.gain_ci95)})" if change.gain_ci95 else told


def _difference(
    now: Outcome, one: Tried | None, then: Outcome, other: Tried | None
) -> Difference | None:
    if not (one and other and one.objective_score and other.objective_score):
        return None
    value = math.log(one.objective_score / other.objective_score)
    halves = now.half_width(one.number), then.half_width(other.number)
    half = math.inf if None in halves else math.hypot(*(half or 0.0 for half in halves))
    return Difference(value if is_maximised(now.objective) else -value, half)


def _why_unknown(now: Outcome, stored: Stored) -> str:
    once = [
        name
        for name, outcome in (("this run", now), (stored.name, stored.outcome))
        if outcome.best and outcome.half_width(outcome.best.number) is None
    ]
    return (
        f"the answer of {' and of '.join(once)} was not measured again in a final, so that nothing"
        " is known of its noise"
    )


def _notes(now: Outcome, then: Outcome) -> Iterator[str]:
    """What is not the same in what they were measured with."""
    if now.device and then.device and now.device != then.device:
        yield f"Device: {then.device} then, {now.device} now"
    if not then.circumstances:
        yield "The stored run does not say which versions and hardware it had"
        return
    names = dict.fromkeys((*now.circumstances, *then.circumstances))
    pairs = [(name, then.circumstances.get(name), now.circumstances.get(name)) for name in names]
    differing = [
        f"{name}: {was or 'none'} then, {this or 'none'} now"
        for name, was, this in pairs
        if was != this
    ]
    yield from differing[:MOST_NOTES]
    if len(differing) > MOST_NOTES:
        yield f"{len(differing) - MOST_NOTES} more"


def _last(outcome: Outcome) -> str:
    """The model without the folder, which is another one on another machine."""
    path = outcome.section("model").get("id_or_path")
    return str(outcome.facts.get("model") or path).rstrip("/").rpartition("/")[2]


def _load(outcome: Outcome) -> dict[str, Any]:
    """With the defaults of what the file does not say: it may be of an older version."""
    load = {**Benchmark().model_dump(mode="python"), **outcome.section("benchmark")}
    return {name: value for name, value in load.items() if name not in NOT_THE_LOAD}


def _scoring(outcome: Outcome) -> dict[str, Any]:
    scored = {**Optimization().model_dump(mode="python"), **outcome.section("optimization")}
    return {name: scored[name] for name in SCORED_BY}


def _changed(now: Mapping[str, Any], then: Mapping[str, Any]) -> str:
    names = [name for name in dict.fromkeys((*now, *then)) if now.get(name) != then.get(name)]
    return "; ".join(f"{name} is {now.get(name)} and was {then.get(name)}"[:200] for name in names)


def _pair(difference: Difference | None) -> list[float] | None:
    return list(difference.gain_ci95) if difference and difference.gain_ci95 else None
