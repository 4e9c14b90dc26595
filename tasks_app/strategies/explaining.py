"""Why `auto` chose what it chose, read from its model.

A candidate wins by what is expected of it, by how unsure the model is of it, or because other tasks
speak for it. The first two are told apart by what each adds over the middling candidate: its worth
with its own mean and a middling deviation, against a middling mean and its own deviation. Other
tasks decided where the same model without them would have chosen otherwise.
"""

import numpy as np

from tasks_app.space import Choices, Configuration
from tasks_app.strategies import reasons, trends
from tasks_app.strategies.base import Trial
from tasks_app.strategies.gaussian import Prediction
from tasks_app.strategies.weighing import Weighing, worth_of

GOOD_SHARE = 3
"""A good result is one of the best third."""
NEAR = 2
"""What differs from a good result in more flags than this (or half of them) is not near it."""


def why(weighing: Weighing) -> str:
    reason = _why_promising(weighing)
    away = weighing.feasible is not None and int(np.argmax(weighing.worth)) != weighing.chosen
    return reasons.and_away(reason) if away else reason


def _why_promising(weighing: Weighing) -> str:
    chosen = weighing.candidates[weighing.chosen]
    if weighing.scores.values.past and weighing.forgetful().chosen != weighing.chosen:
        return _learned(weighing, chosen)
    if weighing.scores.best is None:
        if weighing.scores.values.past and _tasks_where_best(weighing, chosen):
            return _learned(weighing, chosen)
        return _first_look(weighing)
    if not _is_exploring(weighing):
        around = _nearest_good(weighing, chosen)
        names = reasons.differing(chosen, around.parameters)
        if around.score is not None and len(names) <= max(NEAR, len(chosen) // 2):
            return reasons.refines(chosen, around, names)
    return _explored(weighing, chosen)


def _learned(weighing: Weighing, chosen: Configuration) -> str:
    tasks = len(set(weighing.scores.tasks[: weighing.scores.values.past]))
    count = _tasks_where_best(weighing, chosen)
    return reasons.best_in(count, tasks) if count else reasons.spoken_for_by(tasks)


def _tasks_where_best(weighing: Weighing, chosen: Configuration) -> int:
    return reasons.tasks_where_best(
        chosen, weighing.space, weighing.memory, maximise=weighing.maximise
    )


def _first_look(weighing: Weighing) -> str:
    if weighing.own:
        return reasons.NOTHING_KNOWN
    known = np.ptp(trends.features(weighing.candidates), axis=0)
    return reasons.GENERAL_TRENDS if known.any() else reasons.MIDDLE


def _is_exploring(weighing: Weighing) -> bool:
    prediction = weighing.prediction
    index = weighing.chosen
    mean, deviation = prediction.mean, prediction.deviation
    middling = np.median(mean, axis=1), np.median(deviation, axis=1)
    cases = Prediction(
        np.stack([mean[:, index], middling[0]], axis=1),
        np.stack([middling[1], deviation[:, index]], axis=1),
        prediction.weights,
    )
    by_mean, by_deviation = worth_of(cases, weighing.scores.best, weighing.count)
    return bool(by_deviation > by_mean)


def _nearest_good(weighing: Weighing, chosen: Configuration) -> Trial:
    """Of the best third of the results the one that differs in the fewest flags."""
    sign = -1 if weighing.maximise else 1
    scored = [trial for trial in weighing.own if trial.score is not None]
    scored.sort(key=lambda trial: sign * (trial.score or 0.0))
    good = scored[: max(1, len(scored) // GOOD_SHARE)] or weighing.own
    return min(good, key=lambda trial: len(reasons.differing(chosen, trial.parameters)))


def _explored(weighing: Weighing, chosen: Configuration) -> str:
    """The listed values that were never tried in the run; else the flags whose values leave the
    model the least sure, seen from the nearest good result."""
    new = [name for name in chosen if _is_new(weighing, chosen, name)]
    if new:
        return reasons.explores(chosen, new, new=True)
    around = _nearest_good(weighing, chosen)
    names = reasons.differing(chosen, around.parameters)
    set_back = [chosen, *(_set_back(chosen, around, name) for name in names)]
    unsure = weighing.deviations(set_back)
    drops = dict(zip(names, unsure[0] - unsure[1:], strict=True))
    most = max(drops.values(), default=0.0)
    telling = [name for name in names if drops[name] >= most / 2]
    return reasons.explores(chosen, telling or names, new=False)


def _set_back(chosen: Configuration, around: Trial, name: str) -> Configuration:
    """`chosen` with a flag as `around` has it, or without the flag where that has none."""
    others = {other: value for other, value in chosen.items() if other != name}
    return others | {key: value for key, value in around.parameters.items() if key == name}


def _is_new(weighing: Weighing, chosen: Configuration, name: str) -> bool:
    return isinstance(weighing.space.parameters[name], Choices) and all(
        name in reasons.differing({name: chosen[name]}, trial.parameters) for trial in weighing.own
    )
