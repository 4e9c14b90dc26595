"""Writing a task through the API: checked and kept as the form and the file import do it."""

import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from pydantic import BaseModel, ConfigDict, ValidationError

from experiments_app.api.errors import ApiError
from experiments_app.api.schemas import TaskState
from experiments_app.gpu_demand import gpu_warnings
from experiments_app.gpus import gpu_count
from experiments_app.site_volumes import site_volume_problems
from tasks_app.labels import parse_labels, set_labels
from tasks_app.masking import masked_document
from tasks_app.models import StaleState, Task
from tasks_app.problems import Problem, SpecError, nearest_name
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import check_task
from tasks_app.validation import problems_of

READ_ONLY = frozenset(TaskState.model_fields) - {"version", "labels"}
"""What a task has when it is read, and nobody writes: a PUT may bring it back as it was read."""
_VERSION = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')


class TaskPatch(BaseModel):
    """What PATCH may change; a key that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task_name: str | None = None
    description: str | None = None
    labels: list[str] | None = None
    version: int | None = None


def create(document: Mapping[str, Any], user: User) -> tuple[Task, list[Problem]]:
    """Raises SpecError, and ApiError where the name is taken."""
    spec, warnings = check_task(dict(document), catalogue=site_runtimes())
    try:
        with transaction.atomic():
            task = Task.create(spec, user=user)
    except IntegrityError as error:
        raise _taken(spec.task_name) from error
    return task, [*warnings, *_here(spec)]


def replace(
    task: Task, document: Mapping[str, Any], request: HttpRequest, user: User
) -> list[Problem]:
    """Full replacement, made on the version that the document or If-Match names. Raises SpecError,
    and ApiError: 409 with both versions where another was stored since."""
    version = _sent_version(document, request, task)
    written = {k: v for k, v in document.items() if k not in READ_ONLY and k != "version"}
    _check_labels(task, written)
    spec, warnings = check_task(written, catalogue=site_runtimes(), stored=task.spec_data())
    if task.spec != spec:
        try:
            with transaction.atomic():
                task.replace_spec(spec, version=version, user=user)
        except IntegrityError as error:
            raise _taken(spec.task_name) from error
        except StaleState as error:
            raise _conflict(task, spec.to_data(), version, error) from error
    return [*warnings, *_here(spec)]


def edit(task: Task, document: Mapping[str, Any], request: HttpRequest, user: User) -> None:
    """Name, description and labels, also while it runs. Raises as `replace`."""
    sent = _read_patch(document)
    name = task.name if sent.task_name is None else sent.task_name
    description = task.description if sent.description is None else sent.description
    labels = None if sent.labels is None else _labels(sent.labels)
    version = task.version
    if sent.version is not None or "If-Match" in request.headers:
        version = _sent_version(document, request, task)
    try:
        with transaction.atomic():
            if (name, description) != (task.name, task.description) or version != task.version:
                task.edit_details(name=name, description=description, version=version, user=user)
            if labels is not None:
                set_labels(task, labels)
    except IntegrityError as error:
        raise _taken(name) from error
    except StaleState as error:
        own = task.spec_data() | {"task_name": name, "description": description}
        raise _conflict(task, own, version, error) from error


def _here(spec: TaskSpec) -> list[Problem]:
    """What is to be known about running it on this machine."""
    found = gpu_warnings(spec, gpu_count())
    return [*found, *(site_volume_problems(spec) if spec.deployment_mode == "docker" else ())]


def _read_patch(document: Mapping[str, Any]) -> TaskPatch:
    known = [key for key in document if key in TaskPatch.model_fields]
    try:
        sent = TaskPatch.model_validate({key: document[key] for key in known})
        problems: list[Problem] = []
    except ValidationError as error:
        problems = problems_of(error, TaskPatch)
    problems += [_not_by_patch(str(key)) for key in document if key not in TaskPatch.model_fields]
    problems += [
        Problem(key, "must not be null", "leave it out to keep it as it is")
        for key in known
        if document[key] is None
    ]
    if problems:
        raise SpecError(problems)
    return sent


def _not_by_patch(key: str) -> Problem:
    if key in TaskSpec.model_fields:
        return Problem(key, "only PUT may change it", "send the whole task by PUT")
    if key in READ_ONLY:
        return Problem(key, "nobody can change it", "it is what the site knows of the task")
    near = nearest_name(key, TaskPatch.model_fields)
    known = ", ".join(TaskPatch.model_fields)
    return Problem(key, "unknown key", f"did you mean {near!r}?" if near else f"known: {known}")


def _labels(names: list[str]) -> list[str]:
    if problems := [
        Problem(f"labels[{index}]", "a label has no comma and no line end in it")
        for index, name in enumerate(names)
        if "," in name or "\n" in name
    ]:
        raise SpecError(problems)
    return parse_labels(",".join(names))


def _check_labels(task: Task, written: dict[str, Any]) -> None:
    """A PUT may bring back the labels that were read, and changes none."""
    if "labels" not in written:
        return
    now = sorted(label.name for label in task.labels.all())
    sent = written.pop("labels")
    is_same = isinstance(sent, list) and sorted(map(str, sent)) == now
    if not is_same:
        raise SpecError([Problem("labels", "only PATCH may change them", "leave them out of PUT")])


def _sent_version(document: Mapping[str, Any], request: HttpRequest, task: Task) -> int:
    header = request.headers.get("If-Match")
    if header is not None:
        if header.strip() == "*":
            return task.version
        if (match := _VERSION.fullmatch(header.strip())) is None:
            fault = Problem("If-Match", "must be a version", f'as in "{task.version}"')
            raise ApiError(422, "The version cannot be read.", [fault])
        return int(match[1])
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        message = "must be a whole number" if "version" in document else "is missing"
        hint = "the version that you read: here, or in the header If-Match"
        raise SpecError([Problem("version", message, hint)])
    return version


def _taken(name: str) -> ApiError:
    problem = Problem("task_name", f"there is a task {name!r} already", "choose another name")
    return ApiError(409, "The name is taken.", [problem])


def _conflict(task: Task, own: Mapping[str, Any], version: int, error: StaleState) -> ApiError:
    """With both: what is stored now, and what was sent."""
    stored = Task.objects.filter(pk=task.pk).first()
    if stored is None:
        return ApiError(404, f"Task {task.pk} was deleted meanwhile.")
    if stored.version == version:
        return ApiError(409, str(error))  # it runs
    message = f"The task is at version {stored.version} by now; this was made on {version}."
    more = {
        "stored": {"version": stored.version, "task": masked_document(stored.spec_data())},
        "sent": {"version": version, "task": masked_document(own)},
    }
    hint = f"look at what changed, and send it on version {stored.version}"
    return ApiError(409, message, [Problem("version", "is not the newest", hint)], more=more)
