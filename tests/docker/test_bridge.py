import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.tasks import llamacpp_data
from tests.docker_images import LLAMACPP_IMAGE, image
from tests.docker_rig import PrivateDockerd
from tests.system.conftest import PORTS
from tests.system.site import Site


@pytest.fixture
def bridged_site(
    bridged_dockerd: PrivateDockerd, tmp_path: Path, empty_database: Path
) -> Iterator[Site]:
    """A fresh site that lives in the network whose loopback the ports are published on."""
    site = Site(tmp_path / "home", PORTS, prefix=bridged_dockerd.inside)
    shutil.copy(empty_database, site.home)
    yield site
    site.close()


def test_it_tunes_over_a_port_published_on_loopback(
    bridged_site: Site, bridged_dockerd: PrivateDockerd
) -> None:
    name = image(bridged_dockerd, LLAMACPP_IMAGE)
    data = llamacpp_data(
        runtime_image=name,
        container={"network": "bridge", "ipc": "private"},
        parameters={"parallel": [2]},
        optimization={"max_iterations": 1},
    )
    path = bridged_site.write_task(data)
    done = bridged_site.manage("tune", str(path), "--json", timeout_s=240)
    assert done.returncode == 0, done.stderr
    experiments = json.loads(done.stdout)["experiments"]
    assert [e["status"] for e in experiments] == ["success"] * 2
    assert all("--publish=127.0.0.1:" in str(e["command"]) for e in experiments)
    with bridged_dockerd.client() as client:
        assert client.containers.list(all=True) == []
