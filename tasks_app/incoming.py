"""Task documents on their way in through the browser: taken apart, checked, then saved together.

Nothing is kept on the server between the pages: each brings its texts along, and what a page
says about a text is worked out anew from it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tasks_app.documents import (
    MAX_CHARACTERS,
    DocumentError,
    line_numbers,
    load_document,
)
from tasks_app.legacy import convert_legacy
from tasks_app.legacy_database import read_documents
from tasks_app.masking import SECTIONS_WITH_SECRETS, is_masked
from tasks_app.models import Task, TaskVersion
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.taskfile import dump_document

MAX_DOCUMENTS = 50
MAX_NAME = 200
_MARKER = re.compile(r"^---(?=\s|$)|^\.\.\.[ \t]*$", re.MULTILINE)
_NOTHING = re.compile(r"\s*(?:[#%].*(?:\n\s*|\Z))*\Z")
_LAST_STEP = re.compile(r"(?:\[\d+\]|(?:^|\.)[^.\[\]]*)$")


@dataclass(frozen=True)
class PlacedProblem:
    """A problem and the line of the text it stands on; 0 where no line can be named."""

    problem: Problem
    line: int


@dataclass(frozen=True)
class Incoming:
    """One document. `name`: the one to save it under, where not its own. `secrets`: what to put
    in for its masks, by place; an empty one leaves the key out."""

    text: str
    source: str = ""
    name: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    is_chosen: bool = True
    taken: frozenset[str] = frozenset()

    @cached_property
    def _read(self) -> tuple[Any, str, int]:
        """The data, or why there is none, and on which line."""
        try:
            data = load_document(self.text)
        except DocumentError as error:
            return None, error.message, error.line
        if data is None:
            return None, "the file is empty", 0
        return data, "", 0

    @cached_property
    def _converted(self) -> tuple[Any, list[Problem]]:
        data = self._read[0]
        return convert_legacy(data) if isinstance(data, dict) else (data, [])

    @property
    def conversions(self) -> list[Problem]:
        return self._converted[1]

    @cached_property
    def masked_places(self) -> list[str]:
        """Where a secret is masked: the import asks for it."""
        document = self._converted[0]
        return [
            f"{section}.{name}"
            for section in SECTIONS_WITH_SECRETS
            if isinstance(document, dict) and isinstance(document.get(section), dict)
            for name, value in document[section].items()
            if is_masked(value)
        ]

    @cached_property
    def own_name(self) -> str:
        document = self._converted[0]
        return str(document.get("task_name") or "") if isinstance(document, dict) else ""

    @property
    def default_name(self) -> str:
        """What it is saved as where nobody asks for another name."""
        return free_name(self.own_name, self.taken)

    @property
    def is_name_taken(self) -> bool:
        return (self.name or self.own_name) in self.taken

    @property
    def offered_name(self) -> str:
        """The name that was asked for, or the next free one after it."""
        return free_name(self.name or self.own_name, self.taken)

    @cached_property
    def _checked(self) -> tuple[TaskSpec | None, list[Problem], list[Problem]]:
        """The spec, problems and warnings."""
        if self._read[1]:
            return None, [Problem("", self._read[1])], []
        try:
            spec, warnings = validate_spec(self._filled(), catalogue=site_runtimes())
        except SpecError as error:
            return None, list(error.problems), []
        return spec, [], warnings

    def _filled(self) -> Any:
        """The document with its new name and its secrets."""
        document = self._converted[0]
        if not isinstance(document, dict):
            return document
        filled = dict(document)
        for place in self.masked_places:
            section, _, key = place.partition(".")
            values = dict(filled[section])
            if given := self.secrets.get(place, ""):
                values[key] = given
            else:
                del values[key]
            filled[section] = values
        if self.name or self.is_name_taken:
            filled["task_name"] = self.name or self.offered_name
        return filled

    @property
    def spec(self) -> TaskSpec | None:
        return self._checked[0]

    @property
    def warnings(self) -> list[Problem]:
        return self._checked[2]

    @cached_property
    def problems(self) -> list[PlacedProblem]:
        if self._read[1]:
            return [PlacedProblem(Problem("", self._read[1]), self._read[2])]
        lines = line_numbers(self.text)
        return [PlacedProblem(p, _line_of(p.path, lines)) for p in self._checked[1]]

    @property
    def name_problem(self) -> str:
        """What is wrong with a name that was asked for."""
        if self.name and self.name in self.taken:
            return f"There is a task {self.name!r} already. {self.offered_name!r} is free."
        return ""

    @property
    def can_be_saved(self) -> bool:
        return self.spec is not None and not self.name_problem


def split_documents(text: str) -> list[str]:
    """The documents of a text: of YAML those between `---`, of a list each of its items."""
    if len(text) <= MAX_CHARACTERS and re.match(r"\s*(\[|- )", text):
        try:
            data = load_document(text)
        except DocumentError:
            return [text]
        if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
            return [dump_document(item) for item in data]
        return [text]
    documents = []
    before = ""  # comments above the first marker belong to what follows
    for part in _MARKER.split(text):
        if _NOTHING.match(part):
            before += part if "#" in part else ""
            continue
        documents.append((before + part).removeprefix("\n").removeprefix("\r\n"))
        before = ""
    return documents or ([text] if text.strip() else [])


def database_documents(path: Path) -> list[str]:
    """The tasks of the replaced system's database, each as the text of a file of that system.
    Raises LegacyDatabaseError."""
    return [dump_document(document) for document in read_documents(path)]


def checked(documents: Iterable[Incoming]) -> list[Incoming]:
    """The documents, each knowing which names it cannot have: of tasks, and of those before it."""
    documents = list(documents)
    names = {name for one in documents for name in _names_near(one)}
    taken = set(Task.objects.filter(name__in=names).values_list("name", flat=True))
    known = []
    for one in documents:
        settled = _with(one, taken=frozenset(taken))
        known.append(settled)
        if settled.is_chosen and settled.spec is not None:
            taken.add(settled.spec.task_name)
    return known


def save_all(documents: Iterable[Incoming], user: User) -> list[Task]:
    """Save those that were chosen, all or none. Raises SpecError where one cannot be."""
    saved = []
    with transaction.atomic():
        for one in documents:
            if not one.is_chosen:
                continue
            if one.spec is None or not one.can_be_saved:
                raise SpecError([Problem("", "a chosen task cannot be saved")])
            try:
                saved.append(Task.create(one.spec, user=user, how=TaskVersion.Kind.IMPORTED))
            except IntegrityError as error:
                name = one.spec.task_name
                raise SpecError(
                    [Problem("task_name", f"there is a task {name!r} by now")]
                ) from error
    return saved


def free_name(name: str, taken: frozenset[str]) -> str:
    return next(one for one in _candidates(name) if one not in taken)


def _candidates(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        suffix = f" ({number})"
        yield name[: MAX_NAME - len(suffix)] + suffix
        number += 1


def _names_near(one: Incoming) -> list[str]:
    """The name and the next ones that would be offered."""
    candidates = _candidates(one.name or one.own_name)
    return [next(candidates) for _ in range(MAX_DOCUMENTS)]


def _with(one: Incoming, *, taken: frozenset[str]) -> Incoming:
    return Incoming(one.text, one.source, one.name, one.secrets, one.is_chosen, taken)


def _line_of(path: str, lines: Mapping[str, int]) -> int:
    """The line of a place, or of what it stands in."""
    while path:
        if path in lines:
            return lines[path]
        shorter = _LAST_STEP.sub("", path)
        path = shorter if shorter != path else ""
    return 0
