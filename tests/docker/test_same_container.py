"""The recorded command, pasted into a shell, gives the container that was measured; so do the
script and the Compose file that an experiment is deployed with."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from experiments_app.artefacts import artefact_of
from experiments_app.containers.description import GIBIBYTE, Mount
from experiments_app.engines import Launch
from experiments_app.engines.docker_engine import DockerEngine, DockerServer
from experiments_app.models import Experiment
from tasks_app.models import Task
from tasks_app.spec import TaskSpec
from tests.docker.conftest import MakeLaunch, container_launch
from tests.docker_images import ENTRYPOINTS, FAULTY_IMAGE, image
from tests.docker_rig import PrivateDockerd
from tests.factories import task_data


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
    if name == "Mounts":  # Compose has them in no order
        return sorted(value or (), key=lambda mount: mount["Target"])
    if name == "RestartPolicy":  # "" and "no" are two words for never
        return value["Name"] or "no"
    return value or None


def prepared(launch: Launch) -> Launch:
    return DockerEngine().prepare(launch, on_progress=lambda _: None, check=lambda: None)


def with_everything(
    faulty: MakeLaunch,
    models: Path,
    *arguments: str,
    environment: dict[str, str],
    **changes: Any,
) -> Launch:
    """Every option that a container has, `models` mounted, a secret in its environment."""
    models.mkdir()
    return prepared(
        faulty(
            *arguments,
            environment={"HF_TOKEN": "hf_secret's $value", "EMPTY": "", **environment},
            secrets=frozenset({"HF_TOKEN"}),
            mounts=(Mount(models.parent, "/cache", read_only=False), Mount(models, "/model")),
            gpu_ids=("GPU-5fd4a1b2-0000-1111-2222-333344445555", "GPU-6"),
            ipc="private",
            shm_size_bytes=GIBIBYTE,
            memory_bytes=GIBIBYTE // 2,
            cpus=1.5,
            ulimits={"nofile": 4096, "stack": 8388608},
            **changes,
        )
    )


def test_the_plain_one(dockerd: PrivateDockerd, faulty: MakeLaunch) -> None:
    ours, pasted = both(dockerd, prepared(faulty()))
    assert differences(ours, pasted) == {}


def test_the_one_with_everything(
    dockerd: PrivateDockerd, faulty: MakeLaunch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret's $value")
    launch = with_everything(
        faulty,
        tmp_path / "models of 'mine' with $signs",
        environment={"ODD": 'a "quoted" $word; `ls`, and = signs'},
        entrypoint=(ENTRYPOINTS[FAULTY_IMAGE], "--ttft-ms", "7"),
    )
    assert "secret" not in shlex.join(launch.command)
    ours, pasted = both(dockerd, launch)
    assert differences(ours, pasted) == {}
    assert "hf_secret" in str(ours["Config"]["Env"])
    rest = {**ours, "Config": ours["Config"] | {"Env": []}}
    assert "hf_secret" not in str(rest)
    (request,) = ours["HostConfig"]["DeviceRequests"]
    assert request["DeviceIDs"] == ["GPU-5fd4a1b2-0000-1111-2222-333344445555", "GPU-6"]


def deployed(launch: Launch, server: DockerServer, folder: Path) -> tuple[str, str]:
    """The ids of the containers of the script and of the Compose file, each by its own tool; made
    from the recorded command, as the experiment keeps it."""
    task = Task.create(TaskSpec.from_data(task_data(deployment_mode="docker")))
    experiment = Experiment.objects.create(
        task=task, run=1, number=0, command=list(launch.command), port=launch.port,
        image_digest=server.facts()["image_digest"],
    )  # fmt: skip
    ids = []
    for kind, program in (("docker-run", ["sh"]), ("compose", ["docker-compose", "--file"])):
        made = artefact_of(task.spec, experiment, kind)
        assert made is not None
        (folder / made.file_name).write_text(made.file_text)
        told = _ran([*program, str(folder / made.file_name)], kind == "compose")
        ids.append(told.split()[-1])
    return ids[0], ids[1]


def _ran(words: list[str], is_compose: bool) -> str:
    for more in (["up", "--no-start"], ["ps", "--quiet", "--all"]) if is_compose else ([],):
        told = subprocess.run([*words, *more], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
    return told.stdout


def mounted(found: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Without the image's own volumes, of which each container has new ones."""
    binds = (m for m in found["Mounts"] if m["Type"] == "bind")
    return sorted((m["Source"], m["Destination"], m["RW"]) for m in binds)


# No registry has the tests' images: they are named by their ids, and not by what they are called.
NAMED_OTHERWISE = {"Config.Image"}
# Compose says what Docker takes for granted.
COMPOSE_S_OWN = {"HostConfig.RestartPolicy", "HostConfig.VolumesFrom"}


def test_script_and_compose_file_give_the_container_that_was_measured(
    dockerd: PrivateDockerd, faulty: MakeLaunch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret's $value")
    launch = with_everything(
        faulty,
        tmp_path / "models, of 'mine' with $signs",
        *("--mode", "none $HOME ${X} it's", "--fault-after", "1e3"),
        environment={"ODD": 'a "quoted" $word; `ls`, and = signs\nof two lines', "NO": "no"},
    )
    with dockerd.client() as client:
        server = DockerEngine().start(launch)
        try:
            ours = client.api.inspect_container(server.facts()["container_id"])
        finally:
            server.stop()
        by_script, by_compose = map(
            client.api.inspect_container, deployed(launch, server, tmp_path)
        )
    for theirs in (by_script, by_compose):
        assert theirs["Image"] == ours["Image"]
        assert theirs["Config"]["Cmd"] == ours["Config"]["Cmd"]
        assert theirs["Config"]["Entrypoint"] == ours["Config"]["Entrypoint"]
        assert sorted(theirs["Config"]["Env"]) == sorted(ours["Config"]["Env"])
        assert mounted(theirs) == mounted(ours)
        assert set(differences(ours, theirs)) - COMPOSE_S_OWN == NAMED_OTHERWISE


def test_the_one_with_a_published_port(
    bridged_dockerd: PrivateDockerd, tmp_path: Path, db: None
) -> None:
    name = image(bridged_dockerd, FAULTY_IMAGE)
    launch = prepared(container_launch(name, tmp_path, (), network="bridge"))
    ours, pasted = both(bridged_dockerd, launch)
    assert differences(ours, pasted) == {}
    bound = ours["HostConfig"]["PortBindings"][f"{launch.port}/tcp"]
    assert bound == [{"HostIp": "127.0.0.1", "HostPort": str(launch.port)}]
