import gc
import threading
from pathlib import Path

import psutil

from experiments_app.engines.readiness import port_is_taken
from tests.docker.conftest import MakeLaunch, open_files, start
from tests.docker_rig import PrivateDockerd
from tests.system.site import free_port
from tests.waiting import wait_for

ROUNDS = 10


def counts(engine: PrivateDockerd) -> dict[str, int]:
    gc.collect()
    with engine.client() as client:
        containers = len(client.containers.list(all=True))
        volumes = len(client.volumes.list())
    return {
        "containers": containers,
        "volumes": volumes,
        "files": len(open_files()),
        "threads": threading.active_count(),
        "children": len(psutil.Process().children(recursive=True)),
        "mounts": len(Path(f"/proc/{engine.pid}/mounts").read_text().splitlines()),
        "namespaces": len(list((engine.folder / "exec").rglob("*.sock"))),
    }


def test_ten_starts_and_stops_in_a_row_leave_nothing(
    dockerd: PrivateDockerd, faulty: MakeLaunch
) -> None:
    port = free_port()

    def one_round() -> None:
        launch = faulty(port=port)
        with start(launch) as server:
            server.wait_ready(30, lambda: None)
        assert not port_is_taken("127.0.0.1", port)

    one_round()  # what the libraries keep from their first use on
    before = counts(dockerd)
    for _ in range(ROUNDS):
        one_round()
    wait_for(lambda: counts(dockerd) == before, timeout_s=10)
