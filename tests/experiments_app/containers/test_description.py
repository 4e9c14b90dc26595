from pathlib import Path

from experiments_app.containers.description import ContainerDescription, Mount


def described(**changes: object) -> ContainerDescription:
    values: dict[str, object] = {
        "image": "vllm/vllm-openai@sha256:" + "0" * 64,
        "arguments": ("serve", "org/model", "--port", "8000"),
        "port": 8000,
    }
    return ContainerDescription(**(values | changes))  # type: ignore[arg-type]


def test_it_asks_for_gpus_by_uuid() -> None:
    description = described(gpu_ids=("GPU-a", "GPU-b"))

    (request,) = description.create_arguments()["device_requests"]
    assert request["DeviceIDs"] == ["GPU-a", "GPU-b"]
    assert request["Capabilities"] == [["gpu"]]
    assert '--gpus="device=GPU-a,GPU-b"' in description.shell_command()


def test_it_asks_for_no_gpu_where_none_was_leased() -> None:
    assert "device_requests" not in described().create_arguments()
    assert not [word for word in described().shell_command() if word.startswith("--gpus")]


def test_it_shows_a_secret_as_the_name_of_its_variable() -> None:
    description = described(
        environment={"HF_TOKEN": "hf_abc", "A": "1"}, secrets=frozenset({"HF_TOKEN"})
    )

    words = description.shell_command()
    assert "--env=HF_TOKEN" in words
    assert "--env=A=1" in words
    assert not [word for word in words if "hf_abc" in word]
    assert description.create_arguments()["environment"]["HF_TOKEN"] == "hf_abc"


def test_it_keeps_the_images_entry_point_unless_told_otherwise() -> None:
    assert "entrypoint" not in described().create_arguments()


def test_it_gives_the_words_after_the_first_of_an_entry_point_to_the_command() -> None:
    description = described(entrypoint=("python3", "-m", "server"), arguments=("--port", "1"))

    assert description.create_arguments()["entrypoint"] == ["python3"]
    assert description.create_arguments()["command"] == ["-m", "server", "--port", "1"]
    assert description.shell_command()[-5:] == [description.image, "-m", "server", "--port", "1"]


def test_it_publishes_the_port_on_loopback_where_the_network_is_its_own() -> None:
    description = described(network="bridge")

    assert description.create_arguments()["ports"] == {"8000/tcp": ("127.0.0.1", 8000)}
    assert "--publish=127.0.0.1:8000:8000" in description.shell_command()
    assert "ports" not in described(network="host").create_arguments()


def test_it_mounts_read_only_unless_told_otherwise() -> None:
    mounts = (Mount(Path("/models/a b"), "/model"), Mount(Path("/cache"), "/hf", read_only=False))
    description = described(mounts=mounts)

    assert [m["ReadOnly"] for m in description.create_arguments()["mounts"]] == [True, False]
    words = description.shell_command()
    assert "--mount=type=bind,source=/models/a b,target=/model,readonly" in words
    assert "--mount=type=bind,source=/cache,target=/hf" in words


def test_it_limits_memory_without_swap() -> None:
    arguments = described(memory_bytes=2**30).create_arguments()

    assert arguments["mem_limit"] == arguments["memswap_limit"] == 2**30


def test_it_takes_nothing_from_dockers_own_proxy_settings() -> None:
    assert described().create_arguments()["use_config_proxy"] is False


def test_it_shows_how_many_gpus_while_it_is_open_which() -> None:
    assert "--gpus=2" in described(gpus=2).shell_command()
