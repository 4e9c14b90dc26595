"""What a killed worker left is removed; what is not this site's is never touched."""

import docker

from experiments_app.containers import labels
from tests.docker.conftest import nothing_is_left, wait_until_measuring
from tests.docker.tasks import faulty_data, install_faulty
from tests.docker_images import PYTHON_IMAGE
from tests.docker_rig import PrivateDockerd
from tests.system.site import Site, free_port

ENDED = "SELECT 1 FROM tasks_app_task WHERE status NOT IN ('pending', 'running')"
LOAD = {"max_requests_per_level": 40}


def site_id(site: Site) -> str:
    return (site.home / "site_id").read_text().strip()


def sleeping(client: docker.DockerClient, name: str, own_labels: dict[str, str]) -> None:
    client.containers.run(
        PYTHON_IMAGE,
        ["/bin/sleep", "600"],
        name=name,
        labels=own_labels,
        network="host",
        detach=True,
    )


def of_site(identity: str) -> dict[str, str]:
    return {labels.SITE: identity, labels.EXPERIMENT: "9999", labels.TOKEN: "nobody's"}


def test_reap_removes_containers_of_this_site_that_nobody_owns_and_no_others(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    assert site.manage("reap").returncode == 0  # from now on it has an identity
    with dockerd.client() as client:
        sleeping(client, "ours", of_site(site_id(site)))
        sleeping(client, "ours-ended", of_site(site_id(site)))
        client.containers.get("ours-ended").kill()
        sleeping(client, "another-sites", of_site("another site"))
        sleeping(client, "nobodys", {})
        sleeping(client, "autotuner-looks-like-ours", {labels.EXPERIMENT: "9999"})
        done = site.manage("reap")
        assert done.returncode == 0, done.stderr
        assert {c.name for c in client.containers.list(all=True)} == {
            "another-sites",
            "nobodys",
            "autotuner-looks-like-ours",
        }


def test_reap_leaves_the_container_of_a_running_experiment(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    install_faulty(site.home / "runtimes")
    process = site.start("tune", str(site.write_task(faulty_data(benchmark=LOAD))))
    wait_until_measuring(site, process)
    assert site.manage("reap").returncode == 0
    with dockerd.client() as client:
        assert len(client.containers.list()) == 1


def test_a_killed_tune_is_cleaned_up_by_reap(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    install_faulty(site.home / "runtimes")
    process = site.start("tune", str(site.write_task(faulty_data(benchmark=LOAD))))
    wait_until_measuring(site, process)
    process.kill()
    process.wait()
    assert site.manage("reap").returncode == 0
    nothing_is_left(site, dockerd)
    assert site.rows("SELECT status FROM experiments_app_experiment WHERE number = 0") == [
        ("pending",)
    ]


def test_a_consumer_killed_under_load_is_replaced_and_the_task_completes(
    site: Site, dockerd: PrivateDockerd, faulty_image: str
) -> None:
    install_faulty(site.home / "runtimes")
    data = faulty_data(benchmark=LOAD, optimization={"max_iterations": 1})
    assert site.manage("import_task", str(site.write_task(data))).returncode == 0
    serve = site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.start_task("faulty")
    wait_until_measuring(site, serve)
    site.process("run_consumer").kill()
    site.wait_for_row(ENDED, timeout_s=180)
    results = site.results("faulty")
    assert results["status"] == "completed"
    assert [e["status"] for e in results["experiments"]] == ["success"] * 2
    assert site.rows("SELECT attempt FROM experiments_app_experiment ORDER BY number") == [
        (2,),
        (1,),
    ]
    serve.terminate()
    serve.wait(timeout=60)
    nothing_is_left(site, dockerd)
