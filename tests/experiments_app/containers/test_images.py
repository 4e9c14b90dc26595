import pytest

from experiments_app.containers.images import (
    pull_error,
    registry_login,
    resolve_repository,
    split_name,
)
from experiments_app.containers.progress import Layers
from experiments_app.engine_error import FailureKind

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("name", "repository", "version"),
    [
        ("vllm/vllm-openai:v0.11.0", "vllm/vllm-openai", "v0.11.0"),
        ("vllm/vllm-openai", "vllm/vllm-openai", "latest"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b", "1"),
        ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
        (f"a/b@{DIGEST}", "a/b", DIGEST),
        (f"localhost:5000/a/b:1@{DIGEST}", "localhost:5000/a/b", DIGEST),
    ],
)
def test_it_splits_a_name(name: str, repository: str, version: str) -> None:
    assert split_name(name) == (repository, version)
    assert resolve_repository(name) == repository


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("manifest for a/b:9 not found: manifest unknown", FailureKind.IMAGE_MISSING),
        ("pull access denied for a/b, repository does not exist", FailureKind.IMAGE_MISSING),
        (
            "Head https://r/v2/a/manifests/1: no basic auth credentials",
            FailureKind.REGISTRY_REFUSED,
        ),
        ("unauthorized: authentication required", FailureKind.REGISTRY_REFUSED),
        ("dial tcp: lookup registry.example: no such host", FailureKind.NETWORK),
        ("dial tcp 10.0.0.1:443: i/o timeout", FailureKind.NETWORK),
        ("write /var/lib/docker/tmp/x: no space left on device", FailureKind.DISK_FULL),
        ("something else", FailureKind.OTHER),
    ],
)
def test_it_tells_why_an_image_could_not_be_pulled(text: str, kind: FailureKind) -> None:
    error = pull_error("a/b:9", text)

    assert error.kind == kind
    assert "a/b:9" in error.message


@pytest.mark.django_db
def test_it_signs_in_only_to_the_registry_that_the_account_is_for(settings: object) -> None:
    settings.DOCKER_REGISTRY = "registry.example:5000"  # type: ignore[attr-defined]
    settings.DOCKER_REGISTRY_USER = "bob"  # type: ignore[attr-defined]
    settings.DOCKER_REGISTRY_PASSWORD = "secret"  # type: ignore[attr-defined]

    login = registry_login("registry.example:5000/team/engine:1")
    assert login == {"username": "bob", "password": "secret"}
    assert registry_login("vllm/vllm-openai:latest") is None


def test_it_adds_up_the_layers_of_a_pull() -> None:
    layers = Layers("a/b:1")
    for event in (
        {"id": "1", "status": "Pulling from a/b"},
        {"id": "aa", "status": "Already exists"},
        {"id": "bb", "status": "Pulling fs layer"},
        {"id": "bb", "status": "Downloading", "progressDetail": {"current": 30, "total": 100}},
        {"id": "cc", "status": "Downloading", "progressDetail": {"current": 50, "total": 50}},
        {"id": "cc", "status": "Download complete"},
        {"id": "cc", "status": "Pull complete"},
    ):
        layers.take(event)

    now = layers.progress
    assert (now.done_bytes, now.total_bytes) == (80, 150)
    assert (now.layers_done, now.layers) == (2, 3)
