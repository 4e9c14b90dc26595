"""A recorded `docker run …` read back as the container that it describes."""

import csv
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments_app.containers.description import ContainerDescription, Mount

START = ("docker", "run", "--detach")
# As ContainerDescription.shell_command() writes them; what follows from another option or is the
# same for every container is read over.
IGNORED = frozenset({"memory-swap", "log-driver", "log-opt"})
OPTIONS = frozenset(
    {
        *("network", "ipc", "gpus", "publish", "shm-size", "memory", "cpus", "ulimit", "mount"),
        *("env", "entrypoint"),
    }
)


class NotRecorded(ValueError):
    """The words are not what `ContainerDescription.shell_command()` gives."""


def read_shell_command(words: Sequence[str], *, port: int) -> ContainerDescription:
    """The inverse of `ContainerDescription.shell_command()`: what was measured, whatever settings
    say today. A secret has its name and no value. Raises NotRecorded."""
    if tuple(words[: len(START)]) != START:
        raise NotRecorded(shlex.join(words[: len(START)]))
    rest = list(words[len(START) :])
    options: dict[str, list[str]] = {}
    while rest and rest[0].startswith("--"):
        name, equals, value = rest.pop(0)[2:].partition("=")
        if not equals or name not in OPTIONS | IGNORED:
            raise NotRecorded(f"--{name}")
        options.setdefault(name, []).append(value)
    if not rest:
        raise NotRecorded("no image")
    once = {name: values[0] for name, values in options.items()}
    variables = [text.partition("=") for text in options.get("env", ())]
    return ContainerDescription(
        image=rest[0],
        arguments=tuple(rest[1:]),
        port=int(once["publish"].split(":")[1]) if "publish" in once else port,
        entrypoint=(once["entrypoint"],) if "entrypoint" in once else None,
        environment={name: value for name, _, value in variables},
        secrets=frozenset(name for name, equals, _ in variables if not equals),
        mounts=tuple(map(_mount, options.get("mount", ()))),
        network=once["network"],
        ipc=once["ipc"],
        shm_size_bytes=_whole(once.get("shm-size")),
        memory_bytes=_whole(once.get("memory")),
        cpus=float(once["cpus"]) if "cpus" in once else None,
        ulimits=dict(map(_ulimit, options.get("ulimit", ()))),
        **_gpus(once.get("gpus", "0")),
    )


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


def _ulimit(text: str) -> tuple[str, int]:
    name, _, limits = text.partition("=")
    return name, int(limits.partition(":")[0])


def _gpus(text: str) -> dict[str, Any]:
    if text.isdecimal():
        return {"gpus": int(text)}
    ids = tuple(text.strip('"').removeprefix("device=").split(","))
    return {"gpu_ids": ids, "gpus": len(ids)}


def _mount(option: str) -> Mount:
    (fields,) = csv.reader([option])
    parts = dict(field.partition("=")[::2] for field in fields)
    return Mount(Path(parts["source"]), parts["target"], read_only="readonly" in parts)
