from pathlib import Path

import yaml

from experiments_app.containers.compose import compose_file, compose_service
from experiments_app.containers.description import ContainerDescription, Mount


def description(**changes: object) -> ContainerDescription:
    given: dict[str, object] = {
        "image": "lmsysorg/sglang:v0.5.2",
        "entrypoint": ("python3", "-m", "sglang.launch_server"),
        "arguments": ("--tp-size", "2"),
        "port": 8000,
    }
    return ContainerDescription(**(given | changes))  # type: ignore[arg-type]


def test_it_starts_what_docker_run_starts() -> None:
    service = compose_service(description())
    assert service["entrypoint"] == ["python3"]
    assert service["command"] == ["-m", "sglang.launch_server", "--tp-size", "2"]
    assert service["network_mode"] == service["ipc"] == "host"
    assert "ports" not in service
    assert "deploy" not in service


def test_it_publishes_on_loopback_where_the_network_is_its_own() -> None:
    service = compose_service(description(network="bridge", ipc="private", shm_size_bytes=2**30))
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert service["shm_size"] == 2**30


def test_it_takes_the_leased_gpus_or_as_many() -> None:
    def devices(**changes: object) -> object:
        deploy = compose_service(description(**changes))["deploy"]
        return deploy["resources"]["reservations"]["devices"]

    leased = {"device_ids": ["GPU-1", "GPU-2"], "capabilities": ["gpu"]}
    assert devices(gpu_ids=("GPU-1", "GPU-2"), gpus=2) == [leased]
    assert devices(gpus=2) == [{"count": 2, "capabilities": ["gpu"]}]


def test_it_has_volumes_limits_and_variables_without_secrets() -> None:
    service = compose_service(
        description(
            mounts=(Mount(Path("/models"), "/models"),),
            ulimits={"memlock": -1},
            memory_bytes=2**33,
            cpus=2.5,
            environment={"HF_TOKEN": "hf_secret", "A": "b"},
            secrets=frozenset({"HF_TOKEN"}),
        )
    )
    assert service["volumes"] == [
        {"type": "bind", "source": "/models", "target": "/models", "read_only": True}
    ]
    assert service["ulimits"] == {"memlock": {"soft": -1, "hard": -1}}
    assert service["environment"] == {"HF_TOKEN": None, "A": "b"}
    assert service["memswap_limit"] == 2**33


def test_a_dollar_stays_a_dollar() -> None:
    text = compose_file(description(arguments=("--format", "$HOME")), "server")
    assert yaml.safe_load(text)["services"]["server"]["command"][-1] == "$$HOME"
