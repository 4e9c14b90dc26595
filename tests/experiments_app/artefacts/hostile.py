"""What was measured, with every value that a form of it could read as something else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments_app.artefacts.subject import Subject
from experiments_app.containers.description import GIBIBYTE, ContainerDescription, Mount
from experiments_app.models import Experiment
from tasks_app.spec import TaskSpec
from tests.factories import task_data

TEXTS = (
    *("two words", "tab\there", "line\nbreak", "\n", " ", "", "trailing ", "-", "--", "#", "# no"),
    *("$HOME", "${HOME}", "$$", "$(HOME)", "$$(HOME)", "$", "a$", "%", "%%", "%h", "100%", "%n"),
    *("'", '"', "it's", 'say "so"', "`ls`", "back\\slash", "\\", "\\n", "\\$", ";", "&&", "|", "*"),
    *("no", "y", "N", "on", "null", "~", "true", "1e3", "0x1F", "0o17", "1_000", "1:30", ".5"),
    *("2026-11-28", "=", "<<", "- a", "a: b", "{a: b}", "[1]", "!!int 3", "&x", "*x", "@", "?"),
    *("größer", "模型", "👩‍🚀", "\u2028", "\ufeff", "{{ x }}", "@file", ":x", "+x", "!x", "a,b"),
)
ARGUMENTS = tuple(word for text in TEXTS for word in ("--chat-template", text))
ENVIRONMENT = {f"V{index}": text for index, text in enumerate(TEXTS)}
SECRET = "hf_sesame-open-4711"
GPUS = ("GPU-5fd4a1b2-0000-1111-2222-333344445555", "GPU-6")
DIGEST = f"ghcr.io/acme/engine@sha256:{'3f9c' * 16}"

CONTAINER = ContainerDescription(
    image=DIGEST,
    entrypoint=("python3",),
    arguments=("-m", "engine.server", "--host", "127.0.0.1", "--port", "8017", *ARGUMENTS),
    port=8017,
    environment={**ENVIRONMENT, "HF_TOKEN": SECRET},
    secrets=frozenset({"HF_TOKEN"}),
    mounts=(
        Mount(Path("/srv/models of 'mine', with $signs"), "/model"),
        Mount(Path("/srv/hub"), "/hf", read_only=False),
    ),
    gpu_ids=GPUS,
    gpus=2,
    ipc="private",
    shm_size_bytes=16 * GIBIBYTE,
    memory_bytes=64 * GIBIBYTE,
    cpus=7.5,
    ulimits={"memlock": -1, "stack": 64 * 1024**2},
)


def subject(**changes: Any) -> Subject:
    """A process and a container of it, so that every form can be made."""
    plain = Subject(
        name="engine",
        title="a task: of\ntwo lines, run 1, experiment 3",
        spec=TaskSpec.from_data(task_data()),
        experiment=Experiment(number=3, run=1, start_s=212.4, parameters={"threads": 2}),
        is_container=True,
        flags=ARGUMENTS,
        command=("/usr/bin/env", *ARGUMENTS),
        environment={**ENVIRONMENT, "HF_TOKEN": SECRET},
        secrets=frozenset({"HF_TOKEN"}),
        container=CONTAINER,
        image="ghcr.io/acme/engine:1.0",
    )
    return replace(plain, **changes)


def with_container(**changes: Any) -> Subject:
    return subject(container=replace(CONTAINER, **changes))
