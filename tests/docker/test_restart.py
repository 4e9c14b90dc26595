"""The Docker engine goes away in the middle: the experiment is told so, the task completes."""

import json
import subprocess
import time
from pathlib import Path

from tests.docker.conftest import nothing_is_left, wait_until_measuring
from tests.docker.tasks import faulty_data, install_faulty
from tests.docker_rig import PrivateDockerd
from tests.system.site import Site
from tests.waiting import wait_for

# Long enough to be interrupted in: some seconds of load an experiment.
LOAD = {"max_requests_per_level": 40}
DOCKER_KINDS = {"docker_restarted", "docker_unreachable"}


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def start_tune(site: Site, **changes: object) -> subprocess.Popen[str]:
    install_faulty(site.home / "runtimes")
    data = faulty_data(**({"benchmark": LOAD, "optimization": {"max_iterations": 1}} | changes))
    return site.start("tune", str(site.write_task(data)), "--json")


def check_completed(site: Site, process: subprocess.Popen[str]) -> None:
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    results = json.loads(output)
    assert results["status"] == "completed"
    for experiment in results["experiments"]:
        assert experiment["status"] == "success" or experiment["error_kind"] in DOCKER_KINDS
    attempts = dict(site.rows("SELECT number, attempt FROM experiments_app_experiment"))
    interrupted = results["experiments"][0]
    assert interrupted["status"] == "failed" or attempts[0] > 1
    assert results["experiments"][1]["status"] == "success"


def test_an_engine_restarted_under_load_costs_no_more_than_an_attempt(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    process = start_tune(site)
    wait_until_measuring(site, process)
    dockerd.restart()
    check_completed(site, process)
    nothing_is_left(site, dockerd)


def test_an_engine_that_comes_back_after_some_seconds_is_waited_for(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    process = start_tune(site)
    wait_until_measuring(site, process)
    dockerd.stop()
    time.sleep(6)
    dockerd.start()
    check_completed(site, process)
    nothing_is_left(site, dockerd)


def test_an_engine_restarted_while_a_server_starts_costs_no_more_than_an_attempt(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    process = start_tune(site, fixed_parameters={"slow-start": 5})
    site.wait_for_row("SELECT 1 FROM experiments_app_experiment WHERE log_path <> ''")
    ((log_path,),) = site.rows(
        "SELECT log_path FROM experiments_app_experiment WHERE log_path <> ''"
    )
    wait_for(lambda: "first line" in text_of(Path(log_path)), timeout_s=120)
    dockerd.restart()
    check_completed(site, process)
    nothing_is_left(site, dockerd)
