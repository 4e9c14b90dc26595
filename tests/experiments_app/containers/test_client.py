import socket
import threading
from pathlib import Path

import pytest

from experiments_app.containers.client import DockerUnreachable, connect, wait_for_client


def test_it_says_that_there_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    with (
        pytest.raises(DockerUnreachable, match=r"no Docker engine at unix://.*DOCKER_HOST"),
        connect(),
    ):
        pass


def test_it_says_that_nothing_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

    with (
        pytest.raises(DockerUnreachable, match=r"nothing answers at.*start the Docker engine"),
        connect(),
    ):
        pass


def test_it_gives_up_on_an_engine_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")

        with (
            pytest.raises(DockerUnreachable, match="does not answer in time"),
            connect(timeout_s=1),
        ):
            pass


def test_waiting_for_an_engine_can_be_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    looks = threading.Semaphore(2)

    def check() -> None:
        if not looks.acquire(blocking=False):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_for_client(60, check)
