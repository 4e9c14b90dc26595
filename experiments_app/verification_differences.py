"""What is not as it was when a configuration was measured: engine, driver, machine, command."""

from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from experiments_app import provenance
from experiments_app.models import Experiment, Measurement
from experiments_app.provenance_words import lines
from tasks_app.models import Run
from tasks_app.spec import TaskSpec

NOT_KNOWN = "not known"


def differences(
    run: Run, spec: TaskSpec, original: Experiment, execution: Experiment
) -> list[dict[str, str]]:
    """`{name, before, now}` each; `execution` measured it again on this machine just now."""
    before = lines((run.provenance or {}) | {"observed": _observed(original)})
    now = lines(provenance.at_start(spec) | {"observed": _observed(execution)})
    if not run.provenance:  # of an earlier version of this site: only the rows tell
        now = {name: text for name, text in now.items() if name in before}
    names = dict.fromkeys((*before, *now))
    found = [
        _difference(name, before.get(name, ""), now.get(name, ""))
        for name in names
        if before.get(name, "") != now.get(name, "")
    ]
    return [*found, *_commands(original, execution), *_prompts(original, execution)]


def _difference(name: str, before: str, now: str) -> dict[str, str]:
    return {"name": name, "before": before or NOT_KNOWN, "now": now or NOT_KNOWN}


def _observed(experiment: Experiment) -> dict[str, list[str]]:
    columns = {name: getattr(experiment, column) for name, column in provenance.OBSERVED.items()}
    return {name: [text] for name, text in columns.items() if text}


def _commands(original: Experiment, execution: Experiment) -> Iterable[dict[str, str]]:
    """Where it is started otherwise; its port and its GPUs are what happens to be free."""
    before, now = ([str(word) for word in e.command] for e in (original, execution))
    if not before or not now:
        return
    other = [
        (old, new)
        for old, new in zip(before, now, strict=False)
        if not _is_same(old, new, original, execution)
    ]
    other += [(word, "") for word in before[len(now) :]]
    other += [("", word) for word in now[len(before) :]]
    if other:
        old, new = (" ".join(filter(None, words)) for words in zip(*other, strict=True))
        yield _difference("Command", old, new)


def _is_same(old: str, new: str, original: Experiment, execution: Experiment) -> bool:
    if old == new or (old.startswith("--gpus=") and new.startswith("--gpus=")):
        return True
    ports = str(original.port), str(execution.port)
    return old.replace(ports[0], "{port}") == new.replace(ports[1], "{port}")


def _prompts(original: Experiment, execution: Experiment) -> Iterable[dict[str, str]]:
    """Other requests under the same name: another version of the load client made them."""
    before = _sent(original.measurements.filter(counts=True))
    now = _sent(execution.measurements.all())
    for level, sets in now.items():
        known: Mapping[str, str] = before.get(level, {})
        for name, prompts in sets.items():
            if name in known and known[name] != prompts:
                yield _difference(f"Prompts of {level}", known[name], prompts)


def _sent(rows: "QuerySet[Measurement]") -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows.defer("samples"):
        prompts = row.conditions.get("prompts")
        if prompts:
            name = f"{row.conditions.get('request_set')} {row.conditions.get('counted_try', 1)}"
            found.setdefault(f"{row.scenario} × {row.concurrency}", {})[name] = prompts
    return found
