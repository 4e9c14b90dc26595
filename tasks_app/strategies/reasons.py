"""Why a configuration was chosen, in words.

What cannot be told from the configuration alone is worked out from figures of the model: functions
here only put it into words, and count in how many past tasks a configuration did well.
"""

from collections.abc import Mapping, Sequence

from tasks_app.domains import same_value
from tasks_app.space import Configuration, Scalar, SearchSpace
from tasks_app.strategies.base import Memory, PastTask, Trial

BASELINE = "baseline"
MIDDLE = "the middle of the space: a first look"
GENERAL_TRENDS = "a first look where flags like these usually do best"
NEXT_IN_GRID = "next in the grid"
RANDOM_DRAW = "random draw"
TPE = "like the better results so far (TPE)"
NEAREST_TO_TPE = "nearest to what TPE asked for"
LAST_ONE = "the last one left"
NOTHING_KNOWN = "covers the space: nothing was measured yet"
AWAY = "away from what failed"

AS_GOOD_AS = 0.02
"""A result within this share of a past task's best is one of its best."""
MOST_FLAGS = 3
MOST_LETTERS = 40
LONGEST = 300


def start(number: int, of: int) -> str:
    return f"covers the space: {number} of {of} to start with"


def best_in(count: int, tasks: int) -> str:
    """`count` of the `tasks` that were learned from had it among their best."""
    if count == tasks:
        return f"best in {tasks} similar {_tasks(tasks)}"
    return f"best in {count} of {tasks} similar tasks"


def spoken_for_by(tasks: int) -> str:
    return f"results of {tasks} similar {_tasks(tasks)} speak for it"


def refines(
    chosen: Mapping[str, Scalar], around: Trial, names: Sequence[str], *, of: str = ""
) -> str:
    """`names`: the flags in which they differ."""
    number = "a good result" if around.number is None else f"#{around.number}"
    changes = [f"{value(name, chosen[name])}" for name in names[:MOST_FLAGS]]
    more = " …" if len(names) > MOST_FLAGS else ""
    return _short(f"refines around {number}: {', '.join(changes)}{more}{of}")


def explores(chosen: Mapping[str, Scalar], names: Sequence[str], *, new: bool) -> str:
    """`new`: none of these values was tried before in the run."""
    flags = ", ".join(value(name, chosen[name]) for name in names[:MOST_FLAGS])
    more = " …" if len(names) > MOST_FLAGS else ""
    return _short(f"explores {flags}{more}" + (": not tried yet" if new else ""))


def and_away(reason: str) -> str:
    return _short(f"{reason}; {AWAY}")


def value(name: str, setting: Scalar) -> str:
    """A flag and its value: `threads 8`, `enable-x on`, `x left out`."""
    if setting is None:
        return f"{name} left out"
    if isinstance(setting, bool):
        return f"{name} {'on' if setting else 'off'}"
    text = f"{setting:g}" if isinstance(setting, float) else str(setting)
    return f"{name} {text[:MOST_LETTERS]}"


def differing(left: Mapping[str, Scalar], right: Mapping[str, Scalar]) -> list[str]:
    """The flags of `left` that have another value in `right`, or none."""
    return [n for n, v in left.items() if n not in right or not same_value(v, right[n])]


def tasks_where_best(
    chosen: Configuration, space: SearchSpace, memory: Memory, *, maximise: bool
) -> int:
    """In how many past tasks it did as well as anything that this space holds."""
    return sum(_among_best(chosen, space, task, maximise=maximise) for task in memory.tasks)


def _among_best(
    chosen: Configuration, space: SearchSpace, task: PastTask, *, maximise: bool
) -> bool:
    known = [
        (part, trial.score)
        for trial in task.trials
        if trial.score is not None and (part := space.restrict(trial.parameters)) is not None
    ]
    if not known:
        return False
    best = max(s for _, s in known) if maximise else min(s for _, s in known)
    margin = AS_GOOD_AS * abs(best)
    return any(not differing(chosen, part) and abs(score - best) <= margin for part, score in known)


def _tasks(count: int) -> str:
    return "task" if count == 1 else "tasks"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
