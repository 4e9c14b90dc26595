"""A measured configuration in the forms in which it is deployed, one module a form.

Each is made from what was measured, and checked in the tests by the parser that will read it.
"""

from collections.abc import Mapping

from experiments_app.artefacts.base import Artefact, Maker
from experiments_app.artefacts.compose import compose
from experiments_app.artefacts.kubernetes import kubernetes
from experiments_app.artefacts.shell import command, docker_run, flags
from experiments_app.artefacts.subject import Subject
from experiments_app.artefacts.systemd import systemd_unit
from experiments_app.artefacts.task_file import task_file
from experiments_app.models import Experiment
from tasks_app.spec import TaskSpec

MAKERS: Mapping[str, Maker] = {
    "flags": flags,
    "command": command,
    "docker-run": docker_run,
    "compose": compose,
    "kubernetes": kubernetes,
    "systemd": systemd_unit,
    "task-file": task_file,
}
"""By kind, in the order in which they are offered."""


def artefacts_of(spec: TaskSpec, experiment: Experiment) -> list[Artefact]:
    """All that this site can make of it; a container's forms only where the runtime has an image,
    a process's only where it was measured as one."""
    subject = Subject.of(spec, experiment)
    made = (make(subject) for make in MAKERS.values())
    return [artefact for artefact in made if artefact is not None]


def artefact_of(spec: TaskSpec, experiment: Experiment, kind: str) -> Artefact | None:
    """None where that cannot be made of it."""
    return MAKERS[kind](Subject.of(spec, experiment))
