"""A configuration in the forms in which it is taken along: flags, commands, files."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from experiments_app.allow_lists import NotAllowed
from experiments_app.containers.compose import compose_file
from experiments_app.containers.description import ContainerDescription
from experiments_app.engines.model_source import ModelNotFound
from experiments_app.gpu_demand import gpus_of
from experiments_app.launch_plan import describe_container, find_model
from experiments_app.llamacpp.tokenizer import TokenizerError
from experiments_app.models import Experiment
from tasks_app.expressions import ExpressionError
from tasks_app.runtimes import RuntimeFileError, load_runtime
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import dump_for_people
from tasks_app.volumes import VolumeRefused

NO_FLAGS = "the defaults: no flags"


@dataclass(frozen=True)
class AnswerText:
    """`key` is the id of what is copied; `note` says what must be known of it."""

    key: str
    title: str
    text: str
    note: str = ""


def answer_texts(spec: TaskSpec, experiment: Experiment) -> list[AnswerText]:
    """What this site can say of it; a container only where the runtime has an image."""
    return list(_texts(spec, experiment))


def _texts(spec: TaskSpec, experiment: Experiment) -> Iterator[AnswerText]:
    flags = flags_of(spec, experiment)
    if flags is not None:
        yield AnswerText("best-flags", "Flags", flags or NO_FLAGS)
    measured_so = spec.deployment_mode == "docker"
    if experiment.command and not measured_so:
        yield AnswerText("best-command", "Command", shlex.join(map(str, experiment.command)))
    container = _container(spec, experiment)
    note = "" if measured_so else "It was measured as a process of this machine, not so."
    if measured_so and experiment.command:
        yield AnswerText("best-command", "docker run", shlex.join(map(str, experiment.command)))
    elif container is not None:
        yield AnswerText("best-docker", "docker run", shlex.join(container.shell_command()), note)
    if container is not None:
        name = re.sub(r"[^a-z0-9_-]+", "-", spec.served_model_name.lower()).strip("-_") or "server"
        yield AnswerText("best-compose", "Compose", compose_file(container, name), note)
    yield AnswerText(
        "best-task",
        "Task file",
        task_file(spec, experiment),
        "Measures the default and this configuration, elsewhere or later.",
    )


def flags_of(spec: TaskSpec, experiment: Experiment) -> str | None:
    """As a shell would read them; None where the runtime was removed since."""
    try:
        runtime = load_runtime(spec.base_runtime)
    except RuntimeFileError:
        return None
    return shlex.join(runtime.flag_arguments(experiment.parameters))


def task_file(spec: TaskSpec, experiment: Experiment) -> str:
    """The task that tries nothing but this configuration."""
    data = spec.to_data()
    tried = {
        name: [experiment.parameters[name]]
        for name in spec.parameters
        if experiment.parameters.get(name) is not None
    }
    if tried:
        fixed = {name: v for name, v in spec.fixed_parameters.items() if name not in tried}
        unset = spec.parameters.keys() - tried.keys()
        constraints = [c.text for c in spec.parsed_constraints() if unset.isdisjoint(c.names)]
        data |= {"parameters": tried, "fixed_parameters": fixed, "constraints": constraints}
    return dump_for_people(data)


def _container(spec: TaskSpec, experiment: Experiment) -> ContainerDescription | None:
    try:
        runtime = load_runtime(spec.base_runtime)
        if not (runtime.image or spec.runtime_image):
            return None
        return describe_container(
            spec,
            experiment.parameters,
            runtime=runtime,
            model=find_model(spec),
            port=experiment.port or settings.PORT_RANGE[0],
            devices=gpus_of(spec, experiment.parameters),
            gpu_ids=tuple(experiment.gpu_ids),
        )
    except (
        RuntimeFileError,
        ExpressionError,
        ModelNotFound,
        TokenizerError,
        VolumeRefused,
        NotAllowed,
    ):
        return None
