"""The way to the Docker engine, and why it may not be there."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import docker
import requests
from docker.errors import APIError, DockerException

TIMEOUT_S = 10.0
RETRY_EVERY_S = 0.5


class DockerUnreachable(Exception):
    """No Docker engine answers; the message says how not, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}: {remedy}")
        self.message = message
        self.remedy = remedy


@contextmanager
def connect(timeout_s: float = TIMEOUT_S) -> Iterator[docker.DockerClient]:
    """A client of the engine that DOCKER_HOST names (default: this machine's own socket).

    `timeout_s` bounds each call. Raises DockerUnreachable.
    """
    client = open_client(timeout_s)
    try:
        yield client
    finally:
        client.close()


def open_client(timeout_s: float = TIMEOUT_S) -> docker.DockerClient:
    """The same for whoever closes it. The engine has answered once. Raises DockerUnreachable."""
    client = None
    try:
        client = docker.DockerClient.from_env(timeout=max(1, round(timeout_s)))
        client.ping()
    except (DockerException, requests.RequestException, OSError, ValueError) as error:
        if client is not None:
            client.close()
        raise unreachable(error) from error
    return client


def wait_for_client(
    limit_s: float, check: Callable[[], None], timeout_s: float = TIMEOUT_S
) -> docker.DockerClient:
    """As open_client, for an engine that may be restarting: asked again until `limit_s` have
    passed. `check` raises to give up sooner. Raises DockerUnreachable."""
    deadline = time.monotonic() + limit_s
    while True:
        check()
        try:
            return open_client(timeout_s)
        except DockerUnreachable:
            if time.monotonic() > deadline:
                raise
        time.sleep(RETRY_EVERY_S)


def is_unreachable(error: Exception) -> bool:
    """Whether a call failed because the engine is not there, not because it refused."""
    if isinstance(error, APIError):
        return False
    return isinstance(error, requests.RequestException | DockerException | OSError)


def unreachable(error: Exception) -> DockerUnreachable:
    """The cause of a failed call in words for the user."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    text = str(error)
    if "Permission denied" in text or "PermissionError" in text:
        return DockerUnreachable(
            f"this user may not use the Docker engine at {host}",
            "add it to the group docker (usermod -aG docker USER), and sign in again",
        )
    if "FileNotFoundError" in text or "No such file" in text:
        return DockerUnreachable(
            f"there is no Docker engine at {host}",
            "install and start Docker, or set DOCKER_HOST to where it listens",
        )
    if "ConnectionRefused" in text or "Connection refused" in text:
        return DockerUnreachable(
            f"nothing answers at {host}", "start the Docker engine (systemctl start docker)"
        )
    if isinstance(error, requests.Timeout) or "timed out" in text.lower():
        return DockerUnreachable(
            f"the Docker engine at {host} does not answer in time",
            "see its own log (journalctl -u docker); a restart of it may help",
        )
    if "SSL" in text or "certificate" in text.lower():
        return DockerUnreachable(
            f"the connection to {host} is not trusted",
            "check DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
        )
    first_line = next(iter(text.splitlines()), type(error).__name__)[:200]
    return DockerUnreachable(f"the Docker engine at {host} cannot be used", first_line)


@contextmanager
def gone_is_fine() -> Iterator[None]:
    """A container that is no longer there has been removed, which is what was wanted."""
    with suppress(docker.errors.NotFound):
        yield
