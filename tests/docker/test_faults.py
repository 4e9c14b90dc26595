"""A server in a container that goes wrong is told as what it is, and removed."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from experiments_app.containers.description import GIBIBYTE
from experiments_app.engines import EngineError, FailureKind, Launch
from experiments_app.engines.readiness import NotReady, stream_one_completion
from tests.docker.conftest import MakeLaunch, start
from tests.docker_images import PYTHON_IMAGE
from tests.docker_rig import PrivateDockerd
from tests.waiting import wait_for

FLOODED_BYTES = 1 << 30


@pytest.fixture(autouse=True)
def nothing_is_left(dockerd: PrivateDockerd) -> Iterator[None]:
    yield
    with dockerd.client() as client:
        assert client.containers.list(all=True) == []
        assert client.volumes.list() == []


def failure_of(launch: Launch, *, timeout_s: float = 30) -> EngineError:
    with pytest.raises(EngineError) as failed, start(launch) as server:
        server.wait_ready(timeout_s, lambda: None)
    return failed.value


def test_it_tells_how_a_server_ended_that_ends_at_once(faulty: MakeLaunch) -> None:
    launch = faulty("--mode", "exit", "--exit-code", "7")
    error = failure_of(launch)
    assert error.kind is FailureKind.OTHER
    assert "RuntimeError: told to end" in error.message
    assert "exit code 7" in error.message
    assert "first line" in launch.log_path.read_text()


def test_it_knows_that_a_gpu_is_too_small(faulty: MakeLaunch) -> None:
    error = failure_of(faulty("--mode", "gpu-memory", gpu_ids=("GPU-0",)))
    assert error.kind is FailureKind.OUT_OF_GPU_MEMORY
    assert "20.00 GiB" in error.message


def test_it_knows_that_the_host_memory_was_too_little(faulty: MakeLaunch) -> None:
    launch = faulty("--mode", "eat-memory", memory_bytes=GIBIBYTE // 8)
    error = failure_of(launch)
    assert error.kind is FailureKind.OUT_OF_MEMORY
    assert "0.125 GiB" in error.message


def test_it_knows_it_too_where_a_worker_of_the_server_was_ended(faulty: MakeLaunch) -> None:
    launch = faulty("--mode", "worker-eats-memory", memory_bytes=GIBIBYTE // 8)
    assert failure_of(launch).kind is FailureKind.OUT_OF_MEMORY


def test_it_notices_a_container_that_somebody_restarted(
    faulty: MakeLaunch, dockerd: PrivateDockerd
) -> None:
    with start(faulty()) as server:
        server.wait_ready(30, lambda: None)
        with dockerd.client() as client:
            client.containers.get(server.facts()["container_id"]).restart(timeout=1)
        with pytest.raises(EngineError, match="was restarted by somebody else"):
            server.confirm_alive(lambda: None)


def test_it_notices_a_container_that_somebody_removed(
    faulty: MakeLaunch, dockerd: PrivateDockerd
) -> None:
    with start(faulty()) as server:
        server.wait_ready(30, lambda: None)
        with dockerd.client() as client:
            client.containers.get(server.facts()["container_id"]).remove(force=True, v=True)
        with pytest.raises(EngineError, match="was removed by somebody else"):
            server.confirm_alive(lambda: None)


def test_no_other_image_is_taken_than_the_one_that_the_run_began_with(faulty: MakeLaunch) -> None:
    launch = faulty(pinned_image="sha256:" + "0" * 64)
    with pytest.raises(EngineError, match=r"began with .* was removed") as failed:
        start(launch)
    assert failed.value.kind is FailureKind.IMAGE_MISSING


def test_it_says_what_is_left_in_the_hosts_shared_memory(
    python_image: str, faulty: MakeLaunch
) -> None:
    name = "autotuner-test-left-behind"
    script = f"head -c 2000000 /dev/zero > /dev/shm/{name}; sleep 60"
    # The port's flag comes first; a shell takes the script after it.
    launch = faulty(script, image=python_image, entrypoint=("sh", "-c", 'eval "$3"', "sh"))
    try:
        with start(launch) as server:
            wait_for(lambda: Path("/dev/shm", name).exists(), timeout_s=10)
            server.stop()
            assert name in (server.left_behind or "")
    finally:
        Path("/dev/shm", name).unlink(missing_ok=True)


def test_it_gives_up_on_a_server_that_never_listens(faulty: MakeLaunch) -> None:
    error = failure_of(faulty("--mode", "no-health"), timeout_s=2)
    assert error.kind is FailureKind.TIME_OUT
    assert "/health" in error.message
    assert "first line" in error.log_tail


def test_it_gives_up_on_a_server_that_is_healthy_and_never_completes(faulty: MakeLaunch) -> None:
    error = failure_of(faulty("--fault", "hang"), timeout_s=2)
    assert error.kind is FailureKind.TIME_OUT
    assert "completion" in error.message


def test_it_waits_for_a_slow_start(faulty: MakeLaunch) -> None:
    with start(faulty("--slow-start", "3")) as server:
        assert server.wait_ready(30, lambda: None) >= 3


def test_it_notices_a_server_that_dies_after_its_warm_up(faulty: MakeLaunch) -> None:
    launch = faulty("--mode", "die", "--fault-after", "1")
    with start(launch) as server:
        server.wait_ready(30, lambda: None)
        server.check_alive()
        with pytest.raises(NotReady):
            stream_one_completion(launch.base_url, "served", timeout_s=5)
        wait_for(lambda: not server.alive(), timeout_s=10)
        with pytest.raises(EngineError) as failed:
            server.check_alive()
    assert failed.value.kind is FailureKind.CRASHED


def test_a_flag_that_the_server_refuses_is_told(faulty: MakeLaunch) -> None:
    error = failure_of(faulty("--no-such-flag", "1"))
    assert error.kind is FailureKind.BAD_FLAG
    assert "--no-such-flag" in error.message


def test_a_server_that_ignores_sigterm_is_killed_after_its_grace(faulty: MakeLaunch) -> None:
    server = start(faulty("--mode", "ignore-sigterm", stop_grace_s=2.0))
    server.wait_ready(30, lambda: None)
    began = time.monotonic()
    server.stop()
    assert 1.5 < time.monotonic() - began < 6


def test_a_flooded_log_fills_no_disk_and_hides_neither_beginning_nor_end(
    dockerd: PrivateDockerd, faulty: MakeLaunch
) -> None:
    limit_bytes = 1 << 20
    launch = faulty(
        "--mode", "flood", "--flood-mb", str(FLOODED_BYTES >> 20), log_limit_bytes=limit_bytes
    )
    with start(launch) as server:
        server.wait_ready(60, lambda: None)
        time.sleep(5)
        kept = dockerd.folder / "data" / "containers"
        assert sum(file.stat().st_size for file in kept.rglob("*.log*")) < 80 << 20
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert server.log_incomplete is not None
    log = launch.log_path.read_bytes()
    assert len(log) < limit_bytes + 10_000
    assert b"first line" in log


def test_an_image_without_the_command_is_told(dockerd: PrivateDockerd, faulty: MakeLaunch) -> None:
    error = failure_of(faulty(image=PYTHON_IMAGE, entrypoint=("/app/no-such-server",)))
    assert error.kind is FailureKind.COMMAND_NOT_FOUND


def test_a_port_that_another_program_holds_is_told(faulty: MakeLaunch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as foreign:
        error = failure_of(faulty(port=foreign.getsockname()[1]))
    assert error.kind is FailureKind.PORT_TAKEN


def test_a_limit_that_docker_refuses_is_told(faulty: MakeLaunch) -> None:
    error = failure_of(faulty(memory_bytes=1024))
    assert error.kind is FailureKind.CONTAINER_REFUSED
