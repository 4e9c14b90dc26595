"""What a task may name of all that this machine could reach."""

import socket
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from autotuner_site.roles import Role
from experiments_app.allow_lists import address_faults, image_fault, place_fault, whole_repository
from experiments_app.engines.model_source import ModelNotFound
from experiments_app.launch_plan import find_model, launch_problems
from tasks_app.spec import TaskSpec
from tests.factories import make_user, task_data

OWN = "vllm/vllm-openai:v0.1"


# Images


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("vllm/vllm-openai:v1", "docker.io/vllm/vllm-openai"),
        ("docker.io/vllm/vllm-openai@sha256:" + "0" * 64, "docker.io/vllm/vllm-openai"),
        ("registry.example:5000/a/b:c", "registry.example:5000/a/b"),
        ("localhost/a", "localhost/a"),
    ],
)
def test_a_repository_is_compared_with_its_registry(image: str, repository: str) -> None:
    assert whole_repository(image) == repository


@pytest.mark.parametrize("image", ["evil/x:1", "registry.example/vllm/vllm-openai:v1"])
@pytest.mark.parametrize("allowed", [["runtimes"], ["docker.io/vllm/*"], ["vllm/*", "b/*"]])
def test_an_image_that_no_pattern_names_is_refused(image: str, allowed: list[str]) -> None:
    fault = image_fault(image, allowed, OWN)
    assert fault is not None
    assert "DOCKER_IMAGES" in str(fault)


@pytest.mark.parametrize(
    ("image", "allowed"),
    [
        ("anything/x:1", []),
        ("anything/x:1", ["*"]),
        ("vllm/vllm-openai:nightly", ["runtimes"]),
        ("registry.example/team/x:1", ["registry.example/*"]),
        ("registry.example/team/x@sha256:" + "0" * 64, ["registry.example/team/x"]),
        ("vllm/other:1", ["docker.io/vllm/*"]),
    ],
)
def test_an_image_that_is_allowed_passes(image: str, allowed: list[str]) -> None:
    assert image_fault(image, allowed, OWN) is None


@pytest.mark.django_db
def test_a_task_with_another_image_does_not_start(settings: Any) -> None:
    settings.DOCKER_IMAGES = ["runtimes"]
    data = task_data(deployment_mode="docker", runtime_image="evil/x:1")
    (problem,) = launch_problems(TaskSpec.from_data(data))
    assert problem.path == "runtime_image"
    assert "docker.io/evil/x" in str(problem)


# Places


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "models"


def test_a_file_in_the_folder_passes_and_any_does_without_a_list(models: Path) -> None:
    model = models / "a.gguf"
    model.touch()
    assert place_fault(model, [models]) == ""
    assert place_fault(Path("/etc/passwd"), []) == ""


@pytest.mark.parametrize(
    "path", ["../elsewhere/b.gguf", "../models-too/b.gguf", "link.gguf", "loop"]
)
def test_what_lies_outside_is_refused_whether_it_is_there_or_not(models: Path, path: str) -> None:
    (models / "link.gguf").symlink_to(models.parent / "elsewhere" / "b.gguf")
    (models / "loop").symlink_to(models / "loop" / "x")
    for _ in range(2):
        assert "outside the folders" in place_fault(models / path, [models])
        (models.parent / "elsewhere" / "b.gguf").touch()


def test_a_folder_whose_file_is_a_link_out_of_it_is_refused(models: Path) -> None:
    folder = models / "a"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert place_fault(folder, [models]) == ""
    (folder / "tokenizer.json").symlink_to("/etc/passwd")
    assert "tokenizer.json" in place_fault(folder, [models])


def test_an_allowed_folder_may_itself_be_a_link(models: Path) -> None:
    link = models.parent / "linked"
    link.symlink_to(models)
    (models / "a.gguf").touch()
    assert place_fault(models / "a.gguf", [link]) == ""


@pytest.mark.django_db
def test_model_and_tokenizer_of_a_task_must_lie_in_the_folders(models: Path, settings: Any) -> None:
    settings.MODEL_PATHS = (models,)
    outside = str(models.parent / "elsewhere")
    with pytest.raises(ModelNotFound, match="MODEL_PATHS"):
        find_model(TaskSpec.from_data(task_data(model={"id_or_path": f"{outside}/b.gguf"})))
    data = task_data()
    data["benchmark"]["model_tokenizer"] = outside
    (problem,) = launch_problems(TaskSpec.from_data(data))
    assert problem.path == "benchmark.model_tokenizer"
    assert not launch_problems(TaskSpec.from_data(task_data()))  # the built-in model


@pytest.mark.django_db
def test_the_form_tells_nothing_of_other_places(
    models: Path, settings: Any, client: Client
) -> None:
    settings.MODEL_PATHS = (models,)
    client.force_login(make_user(role=Role.OPERATOR))
    answers = {
        client.get("/tasks/model", {"model": path}).content.replace(path.encode(), b"")
        for path in ("/etc/passwd", "/etc/no-such", "/root/x.gguf")
    }
    assert len(answers) == 1


# Addresses


def faults(url: str, *trusted: str, look_up: bool = False) -> list[str]:
    spec = TaskSpec.from_data(task_data(access={"http_proxy": url}))
    return [fault.path for fault in address_faults(spec, trusted, look_up=look_up)]


PRIVATE = [
    "http://127.0.0.1:8765", "http://127.1:80", "http://2130706433", "http://0x7f000001:3128",
    "http://localhost:6379", "http://a.localhost", "http://[::1]:80", "http://0.0.0.0:80",
    "http://[::ffff:10.0.0.5]:80", "http://10.1.2.3:3128", "http://192.168.0.1",
    "http://169.254.169.254", "http://[fe80::1]:80", "http://[fd00:ec2::254]", "http://224.0.0.1",
    "http://user:secret@10.1.2.3:3128",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_no_task_sends_requests_into_the_private_network(url: str) -> None:
    assert faults(url) == ["access.http_proxy"]


@pytest.mark.parametrize("url", ["http://proxy.example:3128", "http://1.1.1.1:3128"])
def test_a_public_proxy_passes(url: str) -> None:
    assert faults(url) == []


def test_a_host_that_the_administrator_trusts_passes() -> None:
    assert faults("http://10.1.2.3:3128", "10.1.2.3") == []
    assert faults("http://LOCALHOST:3128", "localhost") == []


def test_what_a_name_stands_for_counts_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolver(host: str, port: None) -> list[Any]:
        both = ("1.1.1.1", "169.254.169.254")  # what a name says that is turned in between
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in both]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert faults("http://rebound.example:3128", look_up=True) == ["access.http_proxy"]


@pytest.mark.django_db
def test_a_mirror_in_the_servers_variables_is_an_address_too() -> None:
    data = task_data(
        environment={"HF_ENDPOINT": "http://169.254.169.254"}, access={"hub_token": "hf_own_token"}
    )
    (problem,) = launch_problems(TaskSpec.from_data(data))
    assert problem.path == "environment.HF_ENDPOINT"
    assert "TASK_HOSTS" in str(problem)
