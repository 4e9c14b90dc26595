"""The recorded command, pasted into a shell, gives the container that was measured."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from experiments_app.containers.description import GIBIBYTE, Mount
from experiments_app.engines import Launch
from experiments_app.engines.docker_engine import DockerEngine
from tests.docker.conftest import MakeLaunch, container_launch
from tests.docker_images import ENTRYPOINTS, FAULTY_IMAGE, image
from tests.docker_rig import PrivateDockerd


def both(engine: PrivateDockerd, launch: Launch) -> list[dict[str, Any]]:
    """What Docker says of the engine's container, and of the one from the recorded command."""
    found = []
    with engine.client() as client:
        server = DockerEngine().start(launch)
        try:
            found.append(client.api.inspect_container(server.facts()["container_id"]))
        finally:
            server.stop()
        told = subprocess.run(
            ["sh", "-c", shlex.join(launch.command)], capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
        found.append(client.api.inspect_container(told.stdout.strip()))
    return found


# What names this very container, and how a command line is attached to what it starts.
ITS_OWN = {"Hostname", "Labels", "AttachStdin", "AttachStdout", "AttachStderr"}


def differences(ours: dict[str, Any], pasted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Where Config and HostConfig differ. Left out and empty are the same to Docker."""
    found = {}
    for part in ("Config", "HostConfig"):
        for name in sorted((ours[part].keys() | pasted[part].keys()) - ITS_OWN):
            pair = _plain(name, ours[part].get(name)), _plain(name, pasted[part].get(name))
            if pair[0] != pair[1]:
                found[f"{part}.{name}"] = pair
    return found


def _plain(name: str, value: Any) -> Any:
    if name == "Env":
        return sorted(value or ())
    if name == "RestartPolicy":  # "" and "no" are two words for never
        return value["Name"] or "no"
    return value or None


def prepared(launch: Launch) -> Launch:
    return DockerEngine().prepare(launch, on_progress=lambda _: None, check=lambda: None)


def test_the_plain_one(dockerd: PrivateDockerd, faulty: MakeLaunch) -> None:
    ours, pasted = both(dockerd, prepared(faulty()))
    assert differences(ours, pasted) == {}


def test_the_one_with_everything(
    dockerd: PrivateDockerd, faulty: MakeLaunch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret's $value")
    folder = tmp_path / "models of 'mine' with $signs"
    folder.mkdir()
    launch = prepared(
        faulty(
            entrypoint=(ENTRYPOINTS[FAULTY_IMAGE], "--ttft-ms", "7"),
            environment={
                "HF_TOKEN": "hf_secret's $value",
                "EMPTY": "",
                "ODD": 'a "quoted" $word; `ls`, and = signs',
            },
            secrets=frozenset({"HF_TOKEN"}),
            mounts=(Mount(tmp_path, "/cache", read_only=False), Mount(folder, "/model")),
            gpu_ids=("GPU-5fd4a1b2-0000-1111-2222-333344445555", "GPU-6"),
            ipc="private",
            shm_size_bytes=GIBIBYTE,
            memory_bytes=GIBIBYTE // 2,
            cpus=1.5,
            ulimits={"nofile": 4096, "stack": 8388608},
        )
    )
    assert "secret" not in shlex.join(launch.command)
    ours, pasted = both(dockerd, launch)
    assert differences(ours, pasted) == {}
    assert "hf_secret" in str(ours["Config"]["Env"])
    rest = {**ours, "Config": ours["Config"] | {"Env": []}}
    assert "hf_secret" not in str(rest)
    (request,) = ours["HostConfig"]["DeviceRequests"]
    assert request["DeviceIDs"] == ["GPU-5fd4a1b2-0000-1111-2222-333344445555", "GPU-6"]


def test_the_one_with_a_published_port(
    bridged_dockerd: PrivateDockerd, tmp_path: Path, db: None
) -> None:
    name = image(bridged_dockerd, FAULTY_IMAGE)
    launch = prepared(container_launch(name, tmp_path, (), network="bridge"))
    ours, pasted = both(bridged_dockerd, launch)
    assert differences(ours, pasted) == {}
    bound = ours["HostConfig"]["PortBindings"][f"{launch.port}/tcp"]
    assert bound == [{"HostIp": "127.0.0.1", "HostPort": str(launch.port)}]
