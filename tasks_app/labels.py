"""Labels as people write them, and putting them on tasks."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from tasks_app.audit import record
from tasks_app.flags import CONTROL_CHARACTER
from tasks_app.models import Label, Task
from tasks_app.problems import Problem, SpecError

MAX_LENGTH = 50
MAX_LABELS = 20


def parse_labels(text: str) -> list[str]:
    """`team a, llama` as its labels, each once whatever its capitals. Raises SpecError."""
    names: dict[str, str] = {}
    for part in text.replace("\n", ",").split(","):
        if name := " ".join(part.split()):
            names.setdefault(name.casefold(), name)
    if problems := [*_problems(list(names.values()))]:
        raise SpecError(problems)
    return list(names.values())


def _problems(names: Sequence[str]) -> Iterable[Problem]:
    if len(names) > MAX_LABELS:
        yield Problem("labels", f"{len(names)} labels are too many", f"at most {MAX_LABELS}")
    for name in names:
        if len(name) > MAX_LENGTH:
            shown = f"{name[:30]}…"
            yield Problem("labels", f"{shown!r} is too long", f"at most {MAX_LENGTH} characters")
        elif match := CONTROL_CHARACTER.search(name):
            yield Problem("labels", f"holds the control character {match[0]!r}")


def set_labels(task: Task, names: Iterable[str]) -> bool:
    """Make these the task's labels; whether that changed anything."""
    with transaction.atomic():
        wanted = {label.pk: label for label in _labels(names)}
        if wanted.keys() == set(task.labels.values_list("pk", flat=True)):
            return False
        task.labels.set(wanted.values())
        record("task.labelled", task, labels=sorted(label.name for label in wanted.values()))
        forget_unused()
    return True


def add_labels(task: Task, names: Iterable[str]) -> bool:
    """Put these on the task besides its own; whether it lacked any. Raises SpecError."""
    labels = {label.name.casefold(): label.name for label in task.labels.all()}
    both = labels | {name.casefold(): labels.get(name.casefold(), name) for name in names}
    return set_labels(task, parse_labels(",".join(both.values())))


def remove_labels(task: Task, names: Iterable[str]) -> bool:
    """Take these off the task; whether it had any."""
    gone = {name.casefold() for name in names}
    kept = [label.name for label in task.labels.all() if label.name.casefold() not in gone]
    return set_labels(task, kept)


def forget_unused() -> None:
    """A label that no task has is offered no longer."""
    Label.objects.filter(tasks=None).delete()


def _labels(names: Iterable[str]) -> list[Label]:
    """The rows of these names, made where there are none; capitals make no other label."""
    known = {label.name.casefold(): label for label in Label.objects.all()}
    return [known.get(name.casefold()) or Label.objects.create(name=name) for name in names]
