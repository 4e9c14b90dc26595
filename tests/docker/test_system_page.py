"""The page of this machine with a real Docker engine behind it."""

import io
import os
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.test import Client
from docker.models.containers import Container

from experiments_app.containers import labels
from experiments_app.models import Experiment
from experiments_app.system import docker_state, our_containers, removals
from experiments_app.system.outcome import Verdict
from tasks_app.masking import MASK
from tests import factories
from tests.docker.slow_engine import slow_to_remove
from tests.docker_images import PYTHON_IMAGE, image
from tests.docker_rig import PrivateDockerd
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db
SLEEP = ["/bin/sleep", "600"]
Run = Callable[..., Container]


@pytest.fixture
def engine(dockerd: PrivateDockerd) -> Iterator[docker.DockerClient]:
    with dockerd.client() as client:
        yield client


@pytest.fixture
def run(dockerd: PrivateDockerd, engine: docker.DockerClient) -> Run:
    """A container with these labels, started."""
    name = image(dockerd, PYTHON_IMAGE)

    def start(own: dict[str, str], command: list[str] | None = None, **more: Any) -> Container:
        return engine.containers.run(
            name, command or SLEEP, labels=own, network="host", detach=True, **more
        )

    return start


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.make_user())
    return client


@pytest.fixture
def slow_removals(
    dockerd: PrivateDockerd, monkeypatch: pytest.MonkeyPatch
) -> Iterator[threading.Event]:
    """The engine takes its time to remove something, and pages don't wait for it."""
    path = dockerd.folder / "slow.sock"
    with slow_to_remove(dockerd.host.removeprefix("unix://"), path) as begin:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        monkeypatch.setattr(docker_state, "TIMEOUT_S", 1.0)
        monkeypatch.setattr(removals, "WAIT_S", 0.1)
        yield begin


def import_nothing(engine: docker.DockerClient, name: str) -> str:
    """An image with nothing but an empty file of that name; its id."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    repository, _, tag = name.partition(":")
    engine.api.import_image_from_data(archive.getvalue(), repository=repository, tag=tag)
    return str(engine.images.get(name).id)


def ours(experiment: Experiment | None = None, *, token: str = "gone") -> dict[str, str]:
    found = {labels.SITE: settings.SITE_ID, labels.TOKEN: token}
    return found | ({labels.EXPERIMENT: str(experiment.pk)} if experiment else {})


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def said(response: Any) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))


def exists(engine: docker.DockerClient, container: Container) -> bool:
    return container.id in {c.id for c in engine.containers.list(all=True)}


def test_the_engine_is_shown(staff: Client, dockerd: PrivateDockerd) -> None:
    page = text(staff, "/system/?show=docker")
    assert "Reachable" in page
    assert str(dockerd.folder) in page


def test_only_containers_of_this_site_are_shown(staff: Client, run: Run) -> None:
    own, other_sites, somebodys = run(ours()), run({labels.SITE: "another"}), run({})
    page = text(staff, "/system/?show=containers")
    assert str(own.name) in page
    assert str(other_sites.name) not in page
    assert str(somebodys.name) not in page


def test_a_container_is_shown_with_its_experiment_and_usage(staff: Client, run: Run) -> None:
    task = factories.running_task()
    experiment = task.experiments.get(status="benchmarking")
    run(ours(experiment, token=factories.TOKEN))
    page = text(staff, "/system/?show=containers")
    assert f"/experiments/{experiment.pk}/" in page
    assert "under way" in page
    assert "cores" in page
    assert "KiB" in page or "MiB" in page


def test_nobody_elses_container_can_be_touched(
    staff: Client, run: Run, engine: docker.DockerClient
) -> None:
    for container in (run({labels.SITE: "another"}), run({})):
        assert staff.get(f"/system/containers/{container.id}/").status_code == 404
        assert staff.get(f"/system/containers/{container.id}/stop").status_code == 404
        assert staff.post(f"/system/containers/{container.id}/stop").status_code == 404
        container.reload()
        assert container.status == "running"


def test_a_container_that_nobody_needs_is_stopped_and_removed(
    staff: Client, run: Run, engine: docker.DockerClient
) -> None:
    container = run(ours(), ["/bin/sh", "-c", "exit 0"])
    container.wait(timeout=60)
    assert "Remove it" in text(staff, f"/system/containers/{container.id}/stop")
    assert exists(engine, container)
    response = staff.post(f"/system/containers/{container.id}/stop")
    assert said(response) == f"{container.name} is stopped."
    assert not exists(engine, container)


def test_the_container_of_a_live_experiment_is_stopped_and_left_to_it(
    staff: Client, run: Run, engine: docker.DockerClient
) -> None:
    task = factories.running_task()
    experiment = task.experiments.get(status="benchmarking")
    trap = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    container = run(ours(experiment, token=factories.TOKEN), trap)
    assert "that experiment fails" in text(staff, f"/system/containers/{container.id}/stop")
    staff.post(f"/system/containers/{container.id}/stop")
    container.reload()
    assert container.status == "exited"


def test_the_end_of_its_output_is_shown_without_secrets(
    staff: Client, run: Run, settings: Any
) -> None:
    settings.HF_TOKEN = "hf_very_secret"
    container = run(ours(), ["/bin/sh", "-c", "echo token hf_very_secret taken"])
    container.wait(timeout=60)
    page = text(staff, f"/system/containers/{container.id}/")
    assert f"token {MASK} taken" in page
    assert "hf_very_secret" not in page


def test_a_secret_that_was_rotated_since_is_not_shown(staff: Client, run: Run) -> None:
    command = ["/bin/sh", "-c", "echo token $HF_TOKEN by $HTTP_PROXY"]
    given = {"HF_TOKEN": "hf_former_secret", "HTTP_PROXY": "http://user:hunter2@proxy:3128"}
    container = run(ours(), command, environment=given)
    container.wait(timeout=60)
    page = text(staff, f"/system/containers/{container.id}/")
    assert f"token {MASK} by http://user:{MASK}@proxy:3128" in page


def test_a_secret_at_the_cut_is_not_shown(
    staff: Client, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(our_containers, "TAIL_CHARACTERS", len("secret taken\n"))
    command = ["/bin/sh", "-c", "echo token $HF_TOKEN taken"]
    container = run(ours(), command, environment={"HF_TOKEN": "hf_very_secret"})
    container.wait(timeout=60)
    page = text(staff, f"/system/containers/{container.id}/")
    assert f"{MASK[2:]} taken" in page
    assert "secret taken" not in page


def test_an_image_is_shown_with_its_last_use(
    staff: Client, engine: docker.DockerClient, dockerd: PrivateDockerd
) -> None:
    found = engine.images.get(image(dockerd, PYTHON_IMAGE))
    task = factories.completed_task((50.0,))
    task.experiments.update(image_digest=found.id)
    page = text(staff, "/system/?show=images")
    assert found.tags[0] in page
    assert "seconds ago" in page or "minute" in page


def test_an_image_in_use_stays(staff: Client, run: Run, engine: docker.DockerClient) -> None:
    used = run({}).image
    assert used is not None
    assert "in use: 1 container" in text(staff, "/system/?show=images")
    response = staff.post(f"/system/images/{used.id}/remove")
    assert "is in use by 1 container" in said(response)
    assert used.tags[0] in {tag for found in engine.images.list() for tag in found.tags}


def test_the_image_of_a_running_task_stays(
    staff: Client, engine: docker.DockerClient, dockerd: PrivateDockerd
) -> None:
    engine.images.get(image(dockerd, PYTHON_IMAGE)).tag("needed-by-a-task", tag="1")
    task = factories.make_task(deployment_mode="docker", runtime_image="needed-by-a-task:1")
    task.start()
    found = engine.images.get("needed-by-a-task:1")
    response = staff.post(f"/system/images/{found.id}/remove")
    assert f"is in use by the running task {task.name}" in said(response)
    engine.images.remove("needed-by-a-task:1")


def test_the_image_that_a_run_began_with_stays_when_its_tag_has_moved_on(
    staff: Client, engine: docker.DockerClient
) -> None:
    first = import_nothing(engine, "moving:1")
    task = factories.running_task(deployment_mode="docker", runtime_image="moving:1")
    task.experiments.filter(number=0).update(image_digest=first)
    engine.images.get(import_nothing(engine, "newer:1")).tag("moving", tag="1")
    assert engine.images.get(first).tags == []
    response = staff.post(f"/system/images/{first}/remove")
    assert f"is in use by the running task {task.name}" in said(response)
    task.cancel()
    response = staff.post(f"/system/images/{first}/remove")
    assert "untagged is removed." in said(response)
    engine.images.remove("moving:1")
    engine.images.remove("newer:1")


def test_an_image_that_nobody_uses_is_removed(staff: Client, engine: docker.DockerClient) -> None:
    unused = import_nothing(engine, "unused:1")
    assert "No experiment of this site has used it" in text(
        staff, f"/system/images/{unused}/remove"
    )
    response = staff.post(f"/system/images/{unused}/remove")
    assert said(response) == "unused:1 is removed."
    assert staff.get(f"/system/images/{unused}/remove").status_code == 404


def test_an_image_whose_removal_takes_long_is_removed_behind_the_page(
    staff: Client, engine: docker.DockerClient, slow_removals: threading.Event
) -> None:
    unused = import_nothing(engine, "large:1")
    response = staff.post(f"/system/images/{unused}/remove")
    assert said(response) == "large:1 is being removed; look again in a moment."
    time.sleep(2 * docker_state.TIMEOUT_S)  # longer than a page's call may take
    page = text(staff, "/system/?show=images")
    assert "being removed" in page
    assert f"/system/images/{unused}/remove" not in page
    slow_removals.set()
    wait_for(lambda: not removals.is_under_way(f"image {unused}"), timeout_s=10)
    assert "large:1" not in {tag for found in engine.images.list() for tag in found.tags}


def test_a_container_whose_removal_takes_long_is_removed_behind_the_page(
    staff: Client, run: Run, engine: docker.DockerClient, slow_removals: threading.Event
) -> None:
    container = run(ours(), ["/bin/sh", "-c", "exit 0"])
    container.wait(timeout=60)
    response = staff.post(f"/system/containers/{container.id}/stop")
    assert said(response) == f"{container.name} is being stopped; look again in a moment."
    assert "being stopped" in text(staff, "/system/?show=containers")
    assert "being stopped" in text(staff, f"/system/containers/{container.id}/")
    slow_removals.set()
    wait_for(lambda: not removals.is_under_way(f"container {container.id}"), timeout_s=10)
    assert not exists(engine, container)


def test_doctor_tells_what_the_engine_has(dockerd: PrivateDockerd) -> None:
    assert docker_state.check_docker().verdict is Verdict.OK
    assert docker_state.check_docker().message.startswith("engine ")
    assert str(dockerd.folder) in docker_state.check_images().message


def test_an_engine_that_hangs_does_not_hang_the_page(
    staff: Client, dockerd: PrivateDockerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_state, "TIMEOUT_S", 1.0)
    os.kill(dockerd.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        page = text(staff, "/system/?show=docker")
        assert time.monotonic() - started < 5
    finally:
        os.kill(dockerd.pid, signal.SIGCONT)
    assert "does not answer in time" in page
