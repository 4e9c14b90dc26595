"""What the form tells beside its fields while they are filled in. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks_app.domains import Choices
from tasks_app.expressions import Scalar
from tasks_app.form.rows import Row
from tasks_app.form.values import read_seconds, write_value
from tasks_app.problems import nearest_name
from tasks_app.runtimes import Flag, RuntimeCatalogue
from tasks_app.scenarios import ScenarioError, parse_scenario, split_scenarios
from tasks_app.spec_flags import flag_problems

EXPLAINED_ROWS = 300
"""As many as a task may have: of a runaway form the rest is told nothing."""
MOST_NOTES = 10
MANY_VALUES = 12
_TYPES = {"int": "whole number", "float": "number", "bool": "switch", "str": "text", "any": ""}
TYPICAL_SCENARIOS = (
    ("D(200,200)", "Chat", "200 in, 200 out"),
    ("D(4000,300)", "Long prompt, RAG", "4,000 in, 300 out"),
    ("D(100,1000)", "Generation", "100 in, 1,000 out"),
)
# With fewer requests a percentile is the slowest of them and nothing else.
_REQUESTS_FOR = {"p90": 10, "p95": 20, "p99": 100}


@dataclass(frozen=True)
class FlagAbout:
    """What a row's flag does. `unknown`: why its name does not fit the runtime, `near` being what
    was probably meant; `suggestions`: values to try, as they are typed."""

    help: str = ""
    facts: Sequence[str] = ()
    suggestions: Sequence[str] = ()
    is_switch: bool = False
    unknown: str = ""
    near: str = ""


def about_flag(name: str, runtime_name: str, catalogue: RuntimeCatalogue) -> FlagAbout | None:
    """None where there is nothing to tell: no name, or a runtime that is not here."""
    runtime = catalogue.find(runtime_name)
    if runtime is None or not name:
        return None
    flag = runtime.flags.get(name)
    if flag is not None:
        return FlagAbout(
            help=" ".join(flag.help.split()),
            facts=_facts(flag),
            suggestions=[write_value(value) for value in _worth_trying(flag)],
            is_switch=flag.type == "bool",
        )
    problems, warnings = flag_problems(runtime_name, {name: Choices((None,))}, {}, catalogue)
    for problem in (*problems, *warnings):
        near = nearest_name(name, catalogue.flags_of(runtime_name)) or ""
        return FlagAbout(unknown=f"{problem.message}.", near=near)
    return FlagAbout(facts=[f"A flag of {runtime_name} that is not described here."])


def _facts(flag: Flag) -> list[str]:
    facts = [_TYPES[flag.type]] if _TYPES[flag.type] else []
    if flag.values is not None and len(flag.values) > MANY_VALUES:
        facts.append(f"one of {len(flag.values)}")
    if flag.low is not None and flag.high is not None:
        facts.append(f"{flag.low} to {flag.high}")
    elif flag.low is not None or flag.high is not None:
        facts.append(f"at least {flag.low}" if flag.high is None else f"at most {flag.high}")
    if flag.default is not None:
        facts.append(f"default {write_value(flag.default)}")
    if flag.moves:
        facts.append(f"moves {', '.join(flag.moves)}")
    return facts


def _worth_trying(flag: Flag) -> Sequence[Scalar]:
    if flag.type == "bool":
        return (False, True)
    if flag.values is not None:
        return flag.values[:MANY_VALUES]
    default = flag.default
    if flag.type == "int" and isinstance(default, int) and default >= 4:
        around = [default // 2, default, default * 2, default * 4]
        return [value for value in around if flag.problem_with(value) is None]
    return ()


def scenario_notes(text: str) -> list[tuple[str, str]]:
    """Each scenario as typed, and in words."""
    notes = []
    for part in split_scenarios(text)[:MOST_NOTES]:
        try:
            notes.append((part, parse_scenario(part).describe()))
        except ScenarioError:
            continue  # the schema says what is wrong with it
    return notes


def slo_note(row: Row, requests_per_level: object) -> str:
    """The bound in seconds where another unit was typed, and whether its percentile says much."""
    notes = []
    bound = read_seconds(row.cells["bound"])
    if isinstance(bound, int | float) and not _is_plain(row.cells["bound"]):
        notes.append(f"{bound:g} s.")
    statistic = row.cells["statistic"]
    needed = _REQUESTS_FOR.get(statistic, 0)
    if isinstance(requests_per_level, int) and requests_per_level < needed:
        notes.append(
            f"Of {requests_per_level} requests a level, {statistic} is about the slowest one:"
            f" {needed} or more say more."
        )
    return " ".join(notes)


def _is_plain(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdigit()


@dataclass(frozen=True)
class Derived:
    """What fields that are left empty will hold."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_typed(cls, model: str, runtime: str) -> "Derived":
        model = model.strip()
        last = model.rstrip("/").rpartition("/")[2]
        if not last:
            return cls()
        name = f"{last} on {runtime}" if runtime else last
        return cls({"model_name": last, "model_tokenizer": model, "task_name": name})
