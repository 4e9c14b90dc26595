import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from experiments_app.containers import labels
from experiments_app.containers.description import ContainerDescription
from experiments_app.engines import Launch
from experiments_app.engines.docker_engine import DockerEngine, DockerServer
from experiments_app.leases import can_listen
from tests.docker_rig import PrivateDockerd
from tests.system.conftest import PORTS, empty_database
from tests.system.site import Site, free_port
from tests.waiting import wait_for

__all__ = ["empty_database"]

MakeLaunch = Callable[..., Launch]


@pytest.fixture
def site(tmp_path: Path, empty_database: Path, dockerd: PrivateDockerd) -> Iterator[Site]:
    """A fresh site that runs containers; whatever a test leaves running is ended."""
    site = Site(tmp_path / "home", PORTS)
    shutil.copy(empty_database, site.home)
    yield site
    site.close()


@pytest.fixture
def faulty(faulty_image: str, tmp_path: Path, db: None) -> MakeLaunch:
    """Launches of the misbehaving server in a container, with its own flags as arguments."""

    def launch(*flags: str, **changes: Any) -> Launch:
        return container_launch(faulty_image, tmp_path, flags, **changes)

    return launch


def container_launch(
    default_image: str, folder: Path, arguments: tuple[str, ...], **changes: Any
) -> Launch:
    """What a runner gives the engine; `changes` of Launch, of ContainerDescription or of both."""
    port = changes.setdefault("port", free_port())
    token = secrets.token_hex(16)
    of_container = {
        name: value
        for name, value in changes.items()
        if name in ContainerDescription.__dataclass_fields__
    }
    changes = {n: v for n, v in changes.items() if n in Launch.__dataclass_fields__}
    container = ContainerDescription(
        **{"image": default_image, "arguments": ("--port", str(port), *arguments), **of_container}
    )
    own_labels = {
        labels.SITE: settings.SITE_ID,
        labels.TASK: "1",
        labels.RUN: "1",
        labels.EXPERIMENT: str(port),
        labels.NUMBER: "0",
        labels.ATTEMPT: "1",
        labels.TOKEN: token,
    }
    values: dict[str, Any] = {
        "command": container.shell_command(),
        "host": "127.0.0.1",
        "port": port,
        "health_path": "/health",
        "served_model_name": "served",
        "log_path": folder / f"server-{port}.log",
        "marker": f"test-{port}/{token}",
        "container": container,
        "labels": own_labels,
        "stop_grace_s": 2.0,
    }
    return Launch(**(values | changes))


def start(launch: Launch) -> DockerServer:
    """As the runner does it: the image first."""
    engine = DockerEngine()
    prepared = engine.prepare(launch, on_progress=lambda _progress: None, check=lambda: None)
    return engine.start(prepared)


def wait_until_measuring(
    site: Site, process: subprocess.Popen[str] | None = None, number: int = 0
) -> None:
    """Until an experiment is under load; at once an AssertionError when its process ends first."""
    query = (
        "SELECT 1 FROM experiments_app_experiment WHERE status = 'benchmarking'"
        f" AND number = {number} AND progress LIKE '%requests%'"
    )

    def measuring() -> bool:
        if process is not None and process.poll() is not None:
            raise AssertionError(f"it ended by itself: {process.communicate()[1]}")
        return bool(site.rows(query))

    wait_for(measuring, timeout_s=180, interval_s=0.1)


def nothing_is_left(site: Site, engine: PrivateDockerd) -> None:
    with engine.client() as client:
        assert client.containers.list(all=True) == []
        assert client.volumes.list() == []
    assert site.rows("SELECT resource FROM experiments_app_resourcelease") == []
    assert not site.children()
    first, last = map(int, PORTS.split("-"))
    assert all(can_listen(port) for port in range(first, last + 1))


def open_files() -> set[str]:
    """What this process holds open, but for what is read and closed meanwhile."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{fd.name} {fd.readlink()}")
        except FileNotFoundError:
            continue
    return found
