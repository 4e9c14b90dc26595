import json
import shlex
import signal
from pathlib import Path

from tests.docker.conftest import nothing_is_left, wait_until_measuring
from tests.docker.tasks import faulty_data, install_faulty, llamacpp_data
from tests.docker_images import LLAMACPP_IMAGE
from tests.docker_rig import PrivateDockerd
from tests.system.site import Site
from tests.system.test_tune import EXPERIMENT_KEYS, MEASUREMENT_KEYS, RESULT_KEYS

FACTS = "number, image_digest, container_id, engine_version, log_path, port"


def test_it_tunes_llama_cpp_in_containers(
    site: Site, dockerd: PrivateDockerd, llamacpp_image: str
) -> None:
    data = llamacpp_data()
    done = site.manage("tune", str(site.write_task(data)), "--json", timeout_s=240)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results.keys() >= RESULT_KEYS
    assert results["status"] == "completed"
    assert [e["number"] for e in results["experiments"]] == [0, 1, 2]
    for experiment in results["experiments"]:
        assert experiment.keys() >= EXPERIMENT_KEYS
        assert experiment["status"] == "success", experiment
        (measurement,) = experiment["measurements"]
        assert measurement.keys() >= MEASUREMENT_KEYS
        assert (measurement["num_requests"], measurement["num_errors"]) == (4, 0)
        command = experiment["command"]
        command = shlex.split(command) if isinstance(command, str) else command
        assert command[:2] == ["docker", "run"]
    nothing_is_left(site, dockerd)

    with dockerd.client() as client:
        image_id = client.images.get(LLAMACPP_IMAGE).id
    for number, digest, container_id, _, log_path, _ in site.rows(
        f"SELECT {FACTS} FROM experiments_app_experiment"
    ):
        assert digest == image_id  # of no registry
        assert len(container_id) == 64
        log = Path(log_path).read_text()
        assert "serving SmolLM2-135M" in log, f"log of experiment {number}"


def test_a_log_is_followed_live_and_kept_from_its_first_line_to_its_last(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    install_faulty(site.home / "runtimes")
    data = faulty_data(optimization={"max_iterations": 1}, benchmark={"max_requests_per_level": 20})
    process = site.start("tune", str(site.write_task(data)))
    wait_until_measuring(site, process)
    ((log_path,),) = site.rows(
        "SELECT log_path FROM experiments_app_experiment WHERE status = 'benchmarking'"
    )
    assert "first line" in Path(log_path).read_text()
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    for (path,) in site.rows("SELECT log_path FROM experiments_app_experiment"):
        lines = Path(path).read_text().splitlines()
        assert set(lines[:2]) == {"first line", "a line of its standard error"}
        assert lines[-1] == "told to end"
    nothing_is_left(site, dockerd)


def test_ctrl_c_leaves_no_container(site: Site, dockerd: PrivateDockerd, faulty_image: str) -> None:
    install_faulty(site.home / "runtimes")
    data = faulty_data(benchmark={"max_requests_per_level": 5000})
    process = site.start("tune", str(site.write_task(data)))
    wait_until_measuring(site, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=90)
    assert process.returncode == 130
    nothing_is_left(site, dockerd)
