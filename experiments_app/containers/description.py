"""What a container is made from: plain data for the engine's API and for a shell alike."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.types import DeviceRequest, LogConfig, Ulimit
from docker.types import Mount as BindMount

GIBIBYTE = 1024**3
LOOPBACK = "127.0.0.1"
# Docker's own copy of the output is only there to be followed; a server that floods it must not
# fill the disk.
LOG_OPTIONS = {"max-size": "32m", "max-file": "2"}


@dataclass(frozen=True)
class Mount:
    """A folder or file of this host inside a container."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class ContainerDescription:
    """A container to be. `create_arguments()` and `shell_command()` describe the same one.

    `entrypoint`: None keeps the image's own. `port` is published on loopback where the network is
    not the host's. `gpus`: how many, while it is open which. `secrets` names the variables whose
    values stand in no command that is shown. `ulimits`: soft and hard limit alike, -1 for none.
    Sizes in bytes.
    """

    image: str
    arguments: tuple[str, ...]
    port: int
    image_digest: str = ""  # what the image was found to be; for the record
    pinned_image: str = ""  # digest or id that it must be
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    mounts: tuple[Mount, ...] = ()
    gpu_ids: tuple[str, ...] = ()
    gpus: int = 0
    network: str = "host"
    ipc: str = "host"
    shm_size_bytes: int | None = None
    memory_bytes: int | None = None
    cpus: float | None = None
    ulimits: Mapping[str, int] = field(default_factory=dict)

    @property
    def command(self) -> tuple[str, ...]:
        """What Docker calls Cmd. Its own command line takes one word as the entry point, so the
        others stand here."""
        return (*(self.entrypoint or ())[1:], *self.arguments)

    def create_arguments(self) -> dict[str, Any]:
        """For `client.containers.create(**…)`; name and labels are the caller's."""
        arguments: dict[str, Any] = {
            "image": self.image,
            "command": list(self.command),
            "environment": dict(self.environment),
            "mounts": [
                BindMount(m.target, str(m.source), type="bind", read_only=m.read_only)
                for m in self.mounts
            ],
            "network": self.network,
            "ipc_mode": self.ipc,
            "log_config": LogConfig(type=LogConfig.types.JSON, config=LOG_OPTIONS),
            "use_config_proxy": False,
        }
        if self.entrypoint:
            arguments["entrypoint"] = [self.entrypoint[0]]
        if self.gpu_ids:
            request = DeviceRequest(device_ids=list(self.gpu_ids), capabilities=[["gpu"]])
            arguments["device_requests"] = [request]
        if self.network != "host":
            arguments["ports"] = {f"{self.port}/tcp": (LOOPBACK, self.port)}
        if self.shm_size_bytes:
            arguments["shm_size"] = self.shm_size_bytes
        if self.memory_bytes:
            # Without swap: a server that swaps measures the disk.
            arguments |= {"mem_limit": self.memory_bytes, "memswap_limit": self.memory_bytes}
        if self.cpus:
            arguments["nano_cpus"] = round(self.cpus * 10**9)
        if self.ulimits:
            arguments["ulimits"] = [
                Ulimit(name=name, soft=limit, hard=limit) for name, limit in self.ulimits.items()
            ]
        return arguments

    def shell_command(self) -> list[str]:
        """`docker run …` for the same container. A secret stands as its variable's name alone:
        Docker then takes the value from the shell that it is pasted into."""
        words = ["docker", "run", "--detach", f"--network={self.network}", f"--ipc={self.ipc}"]
        if self.gpu_ids:
            # The value is CSV: its own quotes keep the list of ids together.
            words.append(f'--gpus="device={",".join(self.gpu_ids)}"')
        elif self.gpus:
            words.append(f"--gpus={self.gpus}")
        if self.network != "host":
            words.append(f"--publish={LOOPBACK}:{self.port}:{self.port}")
        if self.shm_size_bytes:
            words.append(f"--shm-size={self.shm_size_bytes}")
        if self.memory_bytes:
            words += [f"--memory={self.memory_bytes}", f"--memory-swap={self.memory_bytes}"]
        if self.cpus:
            words.append(f"--cpus={self.cpus:g}")
        words += [f"--ulimit={name}={limit}:{limit}" for name, limit in self.ulimits.items()]
        words += [f"--mount={_mount_option(mount)}" for mount in self.mounts]
        words.append("--log-driver=json-file")
        words += [f"--log-opt={name}={value}" for name, value in LOG_OPTIONS.items()]
        for name, value in self.environment.items():
            words.append(f"--env={name}" if name in self.secrets else f"--env={name}={value}")
        if self.entrypoint:
            words.append(f"--entrypoint={self.entrypoint[0]}")
        return [*words, self.image, *self.command]


def _mount_option(mount: Mount) -> str:
    """CSV, as Docker reads it: a path with a comma or a quote stands in quotes of its own."""
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="")
    writer.writerow([*fields, "readonly"] if mount.read_only else fields)
    return text.getvalue()
