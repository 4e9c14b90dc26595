"""The Docker engine is away when a server is to be taken down."""

import gc
import os
import signal
import threading
from dataclasses import replace

import pytest

from experiments_app.engines import EngineError, FailureKind, Launch, docker_engine
from experiments_app.engines.container_log import ContainerLog
from experiments_app.engines.container_state import ContainerState
from tests.docker.conftest import MakeLaunch, open_files, start
from tests.docker_rig import PrivateDockerd


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "OUTAGE_LIMIT_S", 1.0)


def leave_without_docker(launch: Launch, dockerd: PrivateDockerd, why: BaseException) -> None:
    with start(launch) as server:
        server.wait_ready(30, lambda: None)
        dockerd.stop()
        raise why


def test_it_is_told_once_and_not_again_on_the_way_out(
    faulty: MakeLaunch, dockerd: PrivateDockerd
) -> None:
    with start(faulty()) as server:
        server.wait_ready(30, lambda: None)
        dockerd.stop()
        with pytest.raises(EngineError) as failed:
            server.stop()
    assert failed.value.kind is FailureKind.DOCKER_UNREACHABLE


def test_why_we_leave_matters_more_than_what_stays(
    faulty: MakeLaunch, dockerd: PrivateDockerd
) -> None:
    with pytest.raises(SystemExit):
        leave_without_docker(faulty(), dockerd, SystemExit())


def test_it_keeps_nothing_open(faulty: MakeLaunch, dockerd: PrivateDockerd) -> None:
    before = open_files()
    with pytest.raises(KeyError):
        leave_without_docker(faulty(), dockerd, KeyError())
    assert not [t for t in threading.enumerate() if t.name in {"container-log", "server-log"}]
    gc.collect()  # the error holds the frames that it went through
    assert open_files() - before == set()


def test_an_engine_that_was_away_for_a_moment_explains_no_later_end(
    faulty: MakeLaunch, dockerd: PrivateDockerd
) -> None:
    launch = faulty()
    with start(launch) as server, dockerd.client(timeout_s=1) as client:
        server.wait_ready(30, lambda: None)
        container = client.containers.get(server.facts()["container_id"])
        log = ContainerLog(container, replace(launch, log_path=launch.log_path.with_name("second")))
        try:
            state = ContainerState(client, str(container.id), log)
            os.kill(dockerd.pid, signal.SIGSTOP)
            try:
                state.look_anew()
                assert state.was_unreachable
            finally:
                os.kill(dockerd.pid, signal.SIGCONT)
            state.look_anew()
            assert state.is_running
            assert not state.was_unreachable
        finally:
            log.close()
