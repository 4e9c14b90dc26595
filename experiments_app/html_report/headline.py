"""The answer of a run in a few large words. Pure functions of what its page knows."""

from dataclasses import dataclass

from experiments_app import words
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview


@dataclass(frozen=True)
class Headline:
    """`tone`: good, unsure or plain. `what` says what it is a figure of."""

    text: str
    what: str
    tone: str = "plain"


def headline_of(overview: TaskOverview) -> Headline:
    if overview.chosen is not None:
        return _chosen(overview, overview.chosen)
    if overview.final_verdict == "noisy":
        return Headline("Too noisy to say", "whether anything beats the default")
    if overview.best is not None:
        return _best(overview, overview.best)
    if overview.closest is not None:
        return Headline("Nothing meets the SLO", f"the closest misses it: {overview.closest_miss}")
    if overview.is_open:
        return Headline("No result yet", "nothing is measured so far")
    return Headline("No result", "nothing could be measured")


def _chosen(overview: TaskOverview, chosen: Experiment) -> Headline:
    what = f"{words.experiment(chosen.number)} was taken as the answer"
    if overview.answer_gain is not None:
        tone = "good" if overview.answer_gain > 0 else "plain"
        gained = f"{words.gain(overview.objective)}{_interval(overview)}"
        return Headline(words.percent(overview.answer_gain), f"{gained}; {what}", tone)
    score = chosen.objective_score
    told = words.score(score, overview.objective) if score is not None else "Misses the SLO"
    return Headline(told, what)


def _best(overview: TaskOverview, best: Experiment) -> Headline:
    score = words.score(best.objective_score or 0.0, overview.objective)
    if not overview.beats_default:
        if overview.num_measured == 1:
            return Headline(score, "by the default, the only one measured")
        measured = f"it is the best of {overview.num_measured} measured configurations"
        return Headline("Nothing beats the default", measured)
    if overview.gain is None:
        lacks = "the default has no score to compare with"
        return Headline(score, f"{words.experiment(best.number)}; {lacks}", "good")
    is_unsure = overview.final_verdict in {"", "unconfirmed"} and overview.sureness
    gained = f"{words.gain(overview.objective)}{_interval(overview)}"
    tone = "unsure" if is_unsure else "good"
    return Headline(words.percent(overview.gain), gained, tone)


def _interval(overview: TaskOverview) -> str:
    return f" (95%: {overview.answer_interval})" if overview.answer_interval else ""
