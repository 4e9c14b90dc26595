"""Images: is one here, how it is fetched, what it is exactly, and how it goes."""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docker
from docker.auth import resolve_repository_name
from docker.errors import APIError, ImageNotFound

from experiments_app.containers.client import DockerUnreachable, wait_for_client
from experiments_app.containers.progress import Layers, PullProgress
from experiments_app.engine_error import EngineError, FailureKind

POLL_S = 0.25
SILENT_LIMIT_S = 300  # an engine that pulls tells of it all the time

# What a registry, or the engine on its way to one, says; the first that matches counts.
CAUSES: tuple[tuple[FailureKind, str, str], ...] = (
    (
        FailureKind.REGISTRY_REFUSED,
        (
            r"unauthorized|authentication required|no basic auth|incorrect username or password"
            r"|denied: access forbidden|status: 401|status: 403"
        ),
        (
            "set DOCKER_REGISTRY, DOCKER_REGISTRY_USER and DOCKER_REGISTRY_PASSWORD to an account"
            " that may read it"
        ),
    ),
    (
        FailureKind.IMAGE_MISSING,
        (
            r"manifest (for .* )?(unknown|not found)|not found|pull access denied|does not exist"
            r"|name unknown|repository name"
        ),
        "check the image's name and tag; a private one needs DOCKER_REGISTRY_USER",
    ),
    (
        FailureKind.NETWORK,
        (
            r"dial tcp|no such host|connection refused|i/o timeout|network is unreachable"
            r"|proxyconnect|TLS handshake|connection reset|Client\.Timeout|x509|EOF"
        ),
        (
            "check the network and the Docker engine's own proxy (it does not use this site's);"
            " an image that is on this host already needs neither"
        ),
    ),
    (FailureKind.DISK_FULL, r"no space left", "remove unused images (docker image prune)"),
)


@dataclass(frozen=True)
class Image:
    """An image on this host. `digest`: `repository@sha256:…`, or its id where no registry has it.
    `reference`: what to start so that it is this very image."""

    id: str
    digest: str
    reference: str


@dataclass(frozen=True)
class ListedImage:
    id: str
    names: tuple[str, ...]
    size_bytes: int
    created_at: datetime
    containers: int
    digests: tuple[str, ...] = ()


def ensure_image(
    client: docker.DockerClient,
    name: str,
    *,
    timeout_s: float,
    on_progress: Callable[[PullProgress], None],
    check: Callable[[], None],
) -> Image:
    """The image, pulled where it is not on this host.

    `check` is called a few times a second and raises to give up. Raises EngineError:
    IMAGE_MISSING, REGISTRY_REFUSED, NETWORK, DISK_FULL, TIME_OUT.
    """
    found = find_image(client, name)
    if found is None:
        _pull(client, name, timeout_s, on_progress, check)
        found = find_image(client, name)
    if found is None:
        raise EngineError(FailureKind.IMAGE_MISSING, f"{name} was pulled and is not there.")
    return found


def find_image(client: docker.DockerClient, name: str) -> Image | None:
    """The image if it is on this host; asks no registry."""
    try:
        image = client.images.get(name)
    except ImageNotFound:
        return None
    repository = resolve_repository(name)
    image_id = str(image.id)
    digests = [d for d in image.attrs.get("RepoDigests") or [] if d.startswith(f"{repository}@")]
    if digests:
        return Image(image_id, digests[0], digests[0])
    return Image(image_id, image_id, name)


def resolve_repository(name: str) -> str:
    """`registry/name` without tag and digest."""
    repository, _ = split_name(name)
    return repository


def split_name(name: str) -> tuple[str, str]:
    """Repository, and tag or digest (`latest` where the name has neither)."""
    repository, _, digest = name.partition("@")
    head, colon, tag = repository.rpartition(":")
    if colon and "/" not in tag:  # else the colon stands before a registry's port
        repository = head
    else:
        tag = "latest"
    return repository, digest or tag


def registry_login(name: str) -> dict[str, str] | None:
    """The account from the settings where the image is of that registry; None leaves it to
    Docker's own configuration."""
    from experiments_app.site_settings import value_of

    user, password = value_of("DOCKER_REGISTRY_USER"), value_of("DOCKER_REGISTRY_PASSWORD")
    wanted = value_of("DOCKER_REGISTRY") or "docker.io"
    registry, _ = resolve_repository_name(resolve_repository(name))
    if not user or registry.removeprefix("index.") != wanted.removeprefix("index."):
        return None
    return {"username": user, "password": password}


def _pull(
    client: docker.DockerClient,
    name: str,
    timeout_s: float,
    on_progress: Callable[[PullProgress], None],
    check: Callable[[], None],
) -> None:
    deadline = time.monotonic() + timeout_s
    # A client and a thread of its own: the engine pulls for as long as its answer is read.
    try:
        puller = wait_for_client(0, check)
    except DockerUnreachable as error:
        raise EngineError(FailureKind.DOCKER_UNREACHABLE, f"{error}.") from error
    puller.api.timeout = SILENT_LIMIT_S
    events: queue.SimpleQueue[Mapping[str, Any] | Exception | None] = queue.SimpleQueue()
    given_up = threading.Event()
    threading.Thread(
        target=_read_pull,
        args=(puller, name, registry_login(name), events, given_up),
        name="image-pull",
        daemon=True,
    ).start()
    layers = Layers(name)
    try:
        while True:
            check()
            if time.monotonic() > deadline:
                raise EngineError(
                    FailureKind.TIME_OUT,
                    f"{name} was not pulled within {timeout_s:g} s (DOCKER_PULL_TIMEOUT_S):"
                    f" {layers.words}. Pull it by hand, or allow more time.",
                )
            try:
                event = events.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if event is None:
                return
            if isinstance(event, APIError):
                raise pull_error(name, str(event)) from event
            if isinstance(event, Exception):
                raise EngineError(
                    FailureKind.DOCKER_UNREACHABLE,
                    f"The Docker engine went away while it pulled {name}: {event}.",
                ) from event
            if "error" in event:
                raise pull_error(name, str(event["error"]))
            layers.take(event)
            on_progress(layers.progress)
    finally:
        given_up.set()
        with suppress(Exception):
            puller.close()


def _read_pull(
    client: docker.DockerClient,
    name: str,
    login: dict[str, str] | None,
    events: "queue.SimpleQueue[Mapping[str, Any] | Exception | None]",
    given_up: threading.Event,
) -> None:
    repository, tag = split_name(name)
    try:
        stream: Iterator[Mapping[str, Any]] = client.api.pull(
            repository, tag=tag, stream=True, decode=True, auth_config=login
        )
        for event in stream:
            if given_up.is_set():
                return  # and nobody holds the answer any more, which closes its connection
            events.put(event)
        events.put(None)
    except Exception as error:  # noqa: BLE001  a stream breaks in many ways when the engine goes
        events.put(error)


def pull_error(name: str, text: str) -> EngineError:
    """Why an image could not be pulled, from what the engine says."""
    for kind, pattern, remedy in CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return EngineError(
                kind, f"The image {name} could not be pulled: {_first_line(text)}. {remedy}."
            )
    return EngineError(
        FailureKind.OTHER, f"The image {name} could not be pulled: {_first_line(text)}."
    )


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "no reason given")[:400].rstrip(".")


def list_images(client: docker.DockerClient) -> list[ListedImage]:
    """Every image on this host, the largest first."""
    containers = [c["ImageID"] for c in client.api.containers(all=True)]
    found = [
        ListedImage(
            id=row["Id"],
            names=tuple(name for name in row.get("RepoTags") or () if name != "<none>:<none>"),
            size_bytes=row["Size"],
            created_at=datetime.fromtimestamp(row["Created"], tz=UTC),
            containers=containers.count(row["Id"]),
            digests=tuple(row.get("RepoDigests") or ()),
        )
        for row in client.api.images()
    ]
    return sorted(found, key=lambda image: -image.size_bytes)


def remove_image(client: docker.DockerClient, image_id: str) -> None:
    """Remove an image with all its names. Raises EngineError while a container uses it."""
    image = client.images.get(image_id)
    if any(c["ImageID"] == image.id for c in client.api.containers(all=True)):
        raise EngineError(
            FailureKind.CONTAINER_REFUSED, f"{image.short_id} is in use by a container."
        )
    for name in image.tags or [str(image.id)]:
        client.images.remove(name)
