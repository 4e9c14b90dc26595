"""The answer of a run in words: one sentence, and how sure it is. Pure functions."""

from collections.abc import Sequence

from experiments_app import words
from experiments_app.final_result import Final, FinalVerdict
from tasks_app.models import Task
from tasks_app.spec import TaskSpec


def sentence(final: Final) -> str:
    """What the final found, where it found something: all but that nothing meets the SLO, which
    is told with the closest, and that the gain is not confirmed. Else ""."""
    winner = words.experiment(final.winner)
    match final.verdict if final.is_done else None:
        case FinalVerdict.BETTER:
            if final.gain is None:
                return ""
            return f"{winner} is {_better(final)}{_simplified(final)}"
        case FinalVerdict.TIE:
            by = f"; it is {_better(final)}" if final.gain else ""
            simplest = words.experiment(_winner_of_final(final))
            if final.simplified_from is not None:
                by = f", without what it does not need: {winner}, {_better(final)}"
            return f"a tie among {names(final.tied)}: the simplest, {simplest}, is chosen{by}"
        case FinalVerdict.DEFAULT:
            return "nothing beats the default"
        case FinalVerdict.NOISY:
            return f"too noisy to say, because {_clause(final.why)}"
        case _:
            return ""


def _winner_of_final(final: Final) -> int | None:
    """Of its contenders, before the undo test."""
    return final.winner if final.simplified_from is None else final.simplified_from


def _simplified(final: Final) -> str:
    """What the undo test has left out."""
    if final.simplified_from is None:
        return ""
    flags = " and ".join(final.left_out)
    return f"; it is {words.experiment(final.simplified_from)} without {flags}, and as good"


def _better(final: Final) -> str:
    better = f"better than the default by {final.gain:.1%}"
    return f"{better} (95%: {words.interval(final.gain_ci95)})" if final.gain_ci95 else better


def why_not_confirmed(final: Final | None, spec: TaskSpec, status: Task.Status) -> str:
    """Why the gain is the search's alone; "" where the final has confirmed or refuted it."""
    if final is not None and final.is_done:
        if final.verdict is not FinalVerdict.UNCONFIRMED:
            return ""
        return _clause(final.why)
    if status.is_under_way:
        if final is None:
            return "the search goes on"
        if final.is_reopened:
            return f"the search goes on, and another final follows{_earlier(final)}"
        return f"the final has not ended yet{_earlier(final)}"
    if final is not None:
        return "the final was not ended"
    if not spec.optimization.confirm:
        return "the task asks for no final"
    return "no final was held"


def _earlier(final: Final) -> str:
    """What was found before the run went on."""
    told = sentence(final.earlier) if final.earlier else ""
    return f"; the one before it said: {told}" if told else ""


def how_sure(final: Final) -> str:
    """What a reader may make of the verdict of a final that has ended, in plain words."""
    told = _how_sure(final)
    if not told or not final.has_gone_on:
        return told
    return f"{told} The run went on after that, and ended before another final could compare more."


def _how_sure(final: Final) -> str:
    match final.verdict if final.is_done else None:
        case FinalVerdict.BETTER if final.gain is not None:
            return f"{_repeats(final)}, in turn.{_undone(final)}{_trust(final)}"
        case FinalVerdict.TIE:
            return (
                f"{_repeats(final)}, in turn, and the leaders differ by less than measuring does."
                f" The one with the fewest changed flags is taken.{_undone(final)}{_trust(final)}"
            )
        case FinalVerdict.DEFAULT:
            return f"{_nearest(final)} Differences within the noise are no reason to change flags."
        case FinalVerdict.NOISY:
            advice = "Measure on a quieter machine, or give the final more time."
            return f"{words.capital(final.why.strip().rstrip('.'))}.{_noise(final)} {advice}"
        case _:
            return ""


def _repeats(final: Final) -> str:
    winner = _winner_of_final(final)
    estimates = [e for e in final.estimates if e.number in {0, winner}]
    counts = sorted({e.repeats for e in estimates}) or [final.rounds]
    times = " and ".join("once" if count == 1 else f"{count} times" for count in counts)
    both = "It and the default were" if winner else "The default was"
    if final.simplified_from is not None:
        both = f"{words.capital(words.experiment(winner))} and the default were"
    return f"{both} measured {times}"


def _undone(final: Final) -> str:
    """How the configuration is known that the undo test has left."""
    if final.simplified_from is None or final.won is None:
        return ""
    flags = " and ".join(final.left_out)
    times = "once" if final.won.repeats == 1 else f"{final.won.repeats} times"
    return (
        f" Without {flags}, measured {times} in turn with it, it is as good as far as can be told,"
        " and so that is taken."
    )


def _trust(final: Final) -> str:
    if final.gain_ci95 is None:
        return ""
    return " 95 of 100 such intervals hold the true gain."


def _nearest(final: Final) -> str:
    others = [e for e in final.estimates if e.number and e.gain is not None]
    if not others:
        return "No leader was better when it was measured again."
    nearest = max(others, key=lambda e: e.gain or 0.0)
    told = f"{words.percent(nearest.gain or 0.0)}"
    if nearest.gain_ci95:
        told += f" (95%: {words.interval(nearest.gain_ci95)})"
    return f"Measured again, the nearest is {words.experiment(nearest.number)} with {told}."


def _noise(final: Final) -> str:
    if final.noise is None:
        return ""
    return f" The same configuration varies by {final.noise:.1%} from one measurement to the next."


def names(numbers: Sequence[int]) -> str:
    """`#3, #7 and the default`"""
    told = [words.short_experiment(number) for number in numbers]
    return " and ".join(filter(None, [", ".join(told[:-1]), *told[-1:]]))


def _clause(text: str) -> str:
    """A reason as it stands after `because`."""
    text = text.strip().rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
