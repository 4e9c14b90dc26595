"""Images from a real registry with an account: progress, digest, and why one does not come."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from pytest_django import Settings

from experiments_app.containers.client import open_client
from experiments_app.containers.images import Image, ensure_image, find_image
from experiments_app.containers.progress import PullProgress
from experiments_app.engines import EngineError, FailureKind
from tests.docker.registry import (
    IMAGE_BYTES,
    PASSWORD,
    USER,
    Registry,
    running_registry,
    slow_way_to,
)
from tests.docker_rig import PrivateDockerd
from tests.system.site import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def account(settings: Settings, registry: Registry) -> None:
    settings.DOCKER_REGISTRY = registry.address
    settings.DOCKER_REGISTRY_USER = USER
    settings.DOCKER_REGISTRY_PASSWORD = PASSWORD


@contextmanager
def slow_image(
    registry: Registry, engine: PrivateDockerd, settings: Settings, *, seconds: float
) -> Iterator[str]:
    """The name of an image that takes so long to fetch."""
    name = registry.hold_image(engine)
    with slow_way_to(registry, round(IMAGE_BYTES / seconds)) as slow:
        settings.DOCKER_REGISTRY = slow.address
        yield name.replace(registry.address, slow.address)


def pull(name: str, timeout_s: float = 60, **calls: Callable[..., None]) -> Image:
    nothing: dict[str, Callable[..., None]] = {"on_progress": lambda _: None, "check": lambda: None}
    with closing(open_client()) as client:
        return ensure_image(client, name, timeout_s=timeout_s, **(nothing | calls))


def test_it_pulls_with_the_account_and_tells_the_digest(
    dockerd: PrivateDockerd, registry: Registry, account: None
) -> None:
    name = registry.hold_image(dockerd)
    seen: list[PullProgress] = []
    pulled = pull(name, on_progress=seen.append)
    assert pulled.digest.startswith(f"{name.rpartition(':')[0]}@sha256:")
    assert seen[-1].layers_done == seen[-1].layers == 1
    assert 0 < seen[-1].done_bytes == seen[-1].total_bytes
    assert pull(pulled.digest) == pulled


def test_a_wrong_password_is_told_and_not_shown(
    dockerd: PrivateDockerd, registry: Registry, account: None, settings: Settings
) -> None:
    settings.DOCKER_REGISTRY_PASSWORD = "not it"
    with pytest.raises(EngineError) as failed:
        pull(f"{registry.address}/private/image:1")
    assert failed.value.kind is FailureKind.REGISTRY_REFUSED
    assert "DOCKER_REGISTRY_PASSWORD" in failed.value.message
    assert "not it" not in failed.value.message


def test_a_private_image_without_an_account_is_told(
    dockerd: PrivateDockerd, registry: Registry
) -> None:
    with pytest.raises(EngineError) as failed:
        pull(f"{registry.address}/private/image:1")
    assert failed.value.kind is FailureKind.REGISTRY_REFUSED


def test_an_image_that_the_registry_does_not_have_is_told(
    dockerd: PrivateDockerd, registry: Registry, account: None
) -> None:
    with pytest.raises(EngineError) as failed:
        pull(f"{registry.address}/no/such-image:1")
    assert failed.value.kind is FailureKind.IMAGE_MISSING
    assert "no/such-image:1" in failed.value.message


def test_a_registry_that_cannot_be_reached_is_told(dockerd: PrivateDockerd) -> None:
    with pytest.raises(EngineError) as failed:
        pull(f"127.0.0.1:{free_port()}/any/image:1")
    assert failed.value.kind is FailureKind.NETWORK


def test_a_pull_that_takes_too_long_ends(
    dockerd: PrivateDockerd, registry: Registry, account: None, settings: Settings
) -> None:
    with (
        slow_image(registry, dockerd, settings, seconds=10) as name,
        pytest.raises(EngineError) as failed,
    ):
        pull(name, timeout_s=1)
    assert failed.value.kind is FailureKind.TIME_OUT
    assert "DOCKER_PULL_TIMEOUT_S" in failed.value.message


def test_a_pull_is_given_up_on_a_cancel(
    dockerd: PrivateDockerd, registry: Registry, account: None, settings: Settings
) -> None:
    class Cancelled(Exception):
        pass

    began = False

    def begin(progress: PullProgress) -> None:
        nonlocal began
        began = progress.done_bytes > 0

    def check() -> None:
        if began:
            raise Cancelled

    with slow_image(registry, dockerd, settings, seconds=4) as name:
        with pytest.raises(Cancelled):
            pull(name, on_progress=begin, check=check)
        time.sleep(7)  # it would be here by then
        with closing(open_client()) as client:
            assert find_image(client, name) is None


def test_an_engine_that_goes_away_during_a_pull_is_told_at_once(
    dockerd: PrivateDockerd, registry: Registry, account: None, settings: Settings
) -> None:
    def stop(_progress: PullProgress) -> None:
        if dockerd.answers():
            dockerd.kill()

    with (
        slow_image(registry, dockerd, settings, seconds=10) as name,
        pytest.raises(EngineError) as failed,
    ):
        pull(name, on_progress=stop)
    assert failed.value.kind is FailureKind.DOCKER_UNREACHABLE
