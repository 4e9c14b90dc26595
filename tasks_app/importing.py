"""Task files in, for the commands: every problem becomes one clear message and exit code 2."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
from django.contrib.auth.models import User
from django.db import IntegrityError

from autotuner_site.commands import BadInput
from tasks_app.builtin import builtin_task
from tasks_app.legacy import convert_legacy
from tasks_app.legacy_database import LegacyDatabaseError, read_documents
from tasks_app.models import Task, TaskVersion
from tasks_app.problems import Problem, SpecError, did_you_mean
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.taskfile import load_task_file


def read_spec(path: Path) -> tuple[TaskSpec, list[Problem]]:
    """The checked spec of a file, with warnings. Raises BadInput."""
    try:
        return load_task_file(path, catalogue=site_runtimes())
    except SpecError as error:
        raise BadInput(f"{path}:\n" + "\n".join(f"  {p}" for p in error.problems)) from error


def import_file(path: Path) -> tuple[Task, list[Problem]]:
    """Save the file's task. Raises BadInput where the file or the name cannot be used."""
    spec, warnings = read_spec(path)
    try:
        return _save(spec), warnings
    except SpecError as error:
        raise BadInput(f"{path}: {error}") from error


def import_or_find(path: Path) -> tuple[Task, list[Problem]]:
    """As import_file; a task that says exactly the same as the file is taken as it is."""
    spec, warnings = read_spec(path)
    same_name = Task.objects.filter(name=spec.task_name).first()
    if same_name is not None and same_name.spec == spec:
        return same_name, warnings
    return import_file(path)


def import_database(path: Path) -> Iterator[tuple[str, list[Problem], SpecError | None]]:
    """Save every task of the replaced system's database that can be used: its name, warnings, and
    what kept it out. Raises BadInput where the file is no such database."""
    try:
        for document in read_documents(path):
            name = str(document.get("task_name"))
            converted, warnings = convert_legacy(document)
            try:
                spec, more = validate_spec(converted, catalogue=site_runtimes())
                _save(spec)
            except SpecError as error:
                yield name, warnings, error
            else:
                yield name, [*warnings, *more], None
    except LegacyDatabaseError as error:
        raise BadInput(f"{path} {error}") from error


def ensure_builtin_task(user: User | None = None) -> Task:
    """The task of the first steps, made for this machine where it is not there yet."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    spec, _ = validate_spec(builtin_task(cores), catalogue=site_runtimes())
    found = Task.objects.filter(name=spec.task_name).first()
    if found is not None:
        return found
    try:
        return Task.create(spec, user=user)
    except IntegrityError:  # another made it in this very moment
        return Task.objects.get(name=spec.task_name)


def find_task(name: str) -> Task:
    """Raises BadInput with the nearest name."""
    task = Task.objects.filter(name=name).first()
    if task is None:
        names = Task.objects.order_by("name").values_list("name", flat=True)[:1000]
        raise BadInput(f"there is no task {name!r}; {did_you_mean(name, names)}".rstrip("; "))
    return task


def _save(spec: TaskSpec) -> Task:
    """Raises SpecError where the name is taken."""
    try:
        return Task.create(spec, how=TaskVersion.Kind.IMPORTED)
    except IntegrityError as error:
        taken = f"there is a task {spec.task_name!r} already"
        raise SpecError([Problem("task_name", taken, "choose another name")]) from error
