"""The Docker engine: is it there, can it give GPUs to containers, has it room."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
from django.conf import settings
from docker.errors import DockerException
from requests import RequestException

from experiments_app import words
from experiments_app.containers.client import DockerUnreachable, connect, unreachable
from experiments_app.disk import free_under
from experiments_app.system.outcome import Outcome, fine, warning

TIMEOUT_S = 4.0
"""For each call: pages and `doctor` wait for them."""
LOW_IMAGE_DISK_BYTES = 30 * 2**30  # an image of an engine for GPUs takes 10 to 30 GiB
NVIDIA_HOOK = "nvidia-container-runtime-hook"


@dataclass(frozen=True)
class DockerState:
    """`disk_left_bytes`: where it keeps images and containers; None where that is not this
    machine's disk."""

    version: str
    system: str
    root: str
    disk_left_bytes: int | None
    has_nvidia: bool
    containers_running: int


@contextmanager
def engine(limit_s: int | None = None) -> Iterator[docker.DockerClient]:
    """A client that does not keep a page waiting; whatever keeps the engine from answering, at
    the start or later, is raised as DockerUnreachable. `limit_s`: for each call of one that does
    more than answer pages, when the engine has answered once."""
    with connect(TIMEOUT_S) as client:
        client.api.timeout = limit_s or client.api.timeout
        try:
            yield client
        except docker.errors.APIError:
            raise
        except (DockerException, RequestException, OSError) as error:
            raise unreachable(error) from error


def look(client: docker.DockerClient) -> DockerState:
    info = client.info()
    root = str(info.get("DockerRootDir") or "")
    return DockerState(
        version=str(info.get("ServerVersion") or "of unknown version"),
        system=str(info.get("OperatingSystem") or ""),
        root=root,
        disk_left_bytes=free_under(Path(root)) if root and is_local() else None,
        has_nvidia=_has_nvidia(info),
        containers_running=int(info.get("ContainersRunning") or 0),
    )


def _has_nvidia(info: dict[str, object]) -> bool:
    """Whether containers can get GPUs: as a runtime of its own, by CDI, or by the hook that the
    engine looks for on its PATH."""
    if "nvidia" in (info.get("Runtimes") or ()):  # type: ignore[operator]
        return True
    devices = info.get("DiscoveredDevices") or []
    if any("nvidia.com/gpu" in str(device) for device in devices):  # type: ignore[attr-defined]
        return True
    return is_local() and shutil.which(NVIDIA_HOOK) is not None


def is_local() -> bool:
    """Whether the engine runs on this machine."""
    return (os.environ.get("DOCKER_HOST") or "unix://").startswith("unix://")


def note_folder() -> None:
    """Keep where the engine of this machine stores images, for all who watch its disk. An engine
    that does not answer changes nothing."""
    with suppress(DockerUnreachable, docker.errors.APIError), engine() as client:
        root = str(client.info().get("DockerRootDir") or "") if is_local() else ""
        note: Path = settings.HOME.docker_folder
        with suppress(OSError):
            if not root:
                note.unlink(missing_ok=True)
            elif not note.exists() or note.read_text() != root:
                note.write_text(root)


def disk_outcome(left_bytes: int, what: str, *, low_bytes: int, remedy: str) -> Outcome:
    message = f"{words.size(left_bytes)} left for {what}"
    return warning(message, remedy) if left_bytes < low_bytes else fine(message)


def check_docker() -> Outcome:
    try:
        with engine() as client:
            return fine(f"engine {look(client).version}")
    except DockerUnreachable as error:
        return warning(error.message, f"{error.remedy}; only needed for deployment_mode: docker")


def check_nvidia() -> Outcome:
    from experiments_app.gpus import glance

    try:
        with engine() as client:
            state = look(client)
    except DockerUnreachable:
        return fine("not looked for: no Docker engine answers")
    if state.has_nvidia:
        return fine("containers can get GPUs")
    if not glance().gpus and is_local():
        return fine("not installed, and there is no GPU")
    return warning(
        "the NVIDIA runtime is missing: containers cannot get the GPUs",
        "install nvidia-container-toolkit, run `nvidia-ctk runtime configure --runtime=docker`"
        " and restart Docker",
    )


def check_images() -> Outcome:
    from experiments_app.containers.images import list_images

    try:
        with engine() as client:
            images, state = list_images(client), look(client)
    except DockerUnreachable:
        return fine("not looked for: no Docker engine answers")
    total = words.size(sum(image.size_bytes for image in images))
    message = f"{len(images)} here, {total} with all that they share counted for each"
    if state.disk_left_bytes is None:
        return fine(message)
    room = disk_outcome(
        state.disk_left_bytes,
        f"more in {state.root}",
        low_bytes=LOW_IMAGE_DISK_BYTES,
        remedy="remove images that nobody needs, on the page System",
    )
    return room._replace(message=f"{message}; {room.message}")
