"""A task that does an earlier run again, and what of that run it cannot hold on to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from experiments_app import provenance
from tasks_app.models import Run, Task, TaskVersion
from tasks_app.problems import Problem, SpecError
from tasks_app.spec import TaskSpec

MAX_NAME = 200
VERSION_NAMES = {
    "autotuner": "Autotuner",
    "commit": "Autotuner's commit",
    "python": "Python",
    "genai-bench": "genai-bench",
    "driver": "The GPU driver",
    "xllamacpp": "llama.cpp (xllamacpp)",
}
HARDWARE_NAMES = {
    "host": "The machine",
    "cpu": "The CPU",
    "physical_cores": "The number of cores",
    "memory_bytes": "The memory in bytes",
}


@dataclass(frozen=True)
class Reproduction:
    """`task` is pending; `warnings` say what will not be as it was, as far as that is known."""

    task: Task
    run: Run
    warnings: tuple[str, ...]

    @property
    def comparison(self) -> str:
        """The query of the page that compares the two once the new one has run."""
        return f"run={self.run.task_id}.{self.run.number}&run={self.task.pk}.1"


def reproduce(run: Run, *, name: str = "", user: User | None = None) -> Reproduction:
    """A new, pending task: the spec as the run had it, on the image that it measured.

    Without a `name` it gets the next free one. Raises SpecError where the name is taken or wrong.
    """
    spec, warnings = pinned(run)
    task = _named(spec, name, user) if name else _next_free(spec, run, user)
    return Reproduction(task, run, tuple(warnings))


def pinned(run: Run) -> tuple[TaskSpec, list[str]]:
    """The run's spec, its image pinned, and what cannot be held on to."""
    spec, seen = run.task_spec, provenance.observed(run)
    said = f"Does run {run.number} of {run.task.name!r} again."
    changes: dict[str, Any] = {"description": f"{said}\n\n{spec.description}".strip()}
    warnings: list[str] = []
    if spec.deployment_mode == "docker":
        image, warning = _image(seen["images"])
        if image:
            changes |= {"runtime_image": image, "runtime_image_tag": None}
        if warning:
            warnings.append(warning)
    elif seen["engine_versions"]:
        told = "; ".join(seen["engine_versions"])
        warnings.append(
            f"The engine is the one that is installed here by then; the run measured {told}."
        )
    warnings += differences(run, provenance.at_start(spec), seen)
    return TaskSpec.from_data({**spec.to_data(), **changes}), warnings


def differences(run: Run, now: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    """What is not here as it was there. `now`: what `provenance.at_start` says."""
    then = run.provenance
    if not then:
        yield (
            "The run does not say which versions and hardware it had: it was made before that was"
            " recorded, or brought in from elsewhere."
        )
        return
    for section, names in (("versions", VERSION_NAMES), ("hardware", HARDWARE_NAMES)):
        old, new = then.get(section) or {}, now[section]
        for key, name in names.items():
            if old.get(key) != new.get(key):
                was, this = _or_none(old.get(key)), _or_none(new.get(key))
                yield f"{name} differs: {was} then, {this} now."
    if (then.get("hardware") or {}).get("gpus") != now["hardware"]["gpus"]:
        yield f"The GPUs differ: {_gpus(then)} then, {_gpus(now)} now."
    if (then.get("settings") or {}) != now["settings"]:
        yield "Settings of this site (proxies, hub) are not what they were."
    yield from _of_model(then.get("model_revision"), now["model_revision"])


def _of_model(old: str | None, new: str | None) -> Iterator[str]:
    if old and old != new:
        yield (
            f"The model's revision was {old}; here is {_or_none(new)}. A task names no revision:"
            " fetch that one, or give its folder as the model."
        )


def _image(images: list[str]) -> tuple[str, str]:
    """The image to pin, and what there is to say against it."""
    if not images:
        return "", "No image was recorded: the task's own name of it is used."
    if "@sha256:" not in images[0]:
        return "", (
            f"The image measured, {images[0]}, is in no registry: the task's own name of it is"
            " used, whatever that means by now."
        )
    if len(images) > 1:
        return images[0], f"The run used several images, {'; '.join(images)}: the first is used."
    return images[0], ""


def _next_free(spec: TaskSpec, run: Run, user: User | None) -> Task:
    number = 1
    while True:
        again = " (again)" if number == 1 else f" (again {number})"
        try:
            return _create(spec, run.task.name[: MAX_NAME - len(again)] + again, user)
        except IntegrityError:
            number += 1


def _named(spec: TaskSpec, name: str, user: User | None) -> Task:
    try:
        return _create(spec, name, user)
    except IntegrityError as error:
        taken = Problem("task_name", f"a task named {name!r} exists already", "choose another")
        raise SpecError([taken]) from error


def _create(spec: TaskSpec, name: str, user: User | None) -> Task:
    named = TaskSpec.from_data({**spec.to_data(), "task_name": name})
    with transaction.atomic():
        return Task.create(named, user=user, how=TaskVersion.Kind.DUPLICATED)


def _gpus(told: Mapping[str, Any]) -> str:
    gpus = (told.get("hardware") or {}).get("gpus") or ()
    names = [
        gpu["name"] + (f" at {gpu['power_limit_w']:.0f} W" if gpu.get("power_limit_w") else "")
        for gpu in gpus
    ]
    return ", ".join(names) or "none"


def _or_none(value: object) -> object:
    return "none" if value is None else value
