from pathlib import Path
from typing import Any

import pytest

from experiments_app.containers.description import Mount
from experiments_app.site_volumes import check_volumes, site_volume_problems, volume_mounts
from tasks_app.spec import TaskSpec
from tasks_app.volumes import VolumeRefused
from tests.experiments_app.specs import task_data


def spec_with(*volumes: str) -> TaskSpec:
    return TaskSpec.from_data(task_data(container={"volumes": list(volumes)}))


@pytest.fixture
def allowed(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that tasks may mount from, and in which the site's own folders lie too."""
    for name in ("data", "site/results", "code", "hf/hub", "engine"):
        (tmp_path / name).mkdir(parents=True)
    settings.DOCKER_VOLUMES = (tmp_path,)
    settings.AUTOTUNER_HOME = tmp_path / "site"
    settings.BASE_DIR = tmp_path / "code"
    settings.HF_HOME = tmp_path / "hf"
    (tmp_path / "engine/own.sock").touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine/own.sock")
    return tmp_path


def test_a_task_gets_what_the_site_allows(allowed: Path) -> None:
    spec = spec_with(f"{allowed}/data:/a:rw")
    assert site_volume_problems(spec) == []
    assert volume_mounts(spec) == (Mount(allowed / "data", "/a", read_only=False),)


@pytest.mark.parametrize(
    "name", ["", "site", "site/results", "code", "hf", "hf/hub", "engine", "engine/own.sock"]
)
def test_no_task_gets_what_is_the_site_s_own(allowed: Path, name: str) -> None:
    spec = spec_with(f"{allowed}/data:/a", f"{allowed / name}:/b")
    [problem] = site_volume_problems(spec)
    assert problem.path == "container.volumes[1]"
    assert "which no task may have" in problem.message
    with pytest.raises(VolumeRefused):
        volume_mounts(spec)


def test_a_folder_that_became_a_link_after_it_was_planned_is_refused(allowed: Path) -> None:
    (allowed / "way").symlink_to(allowed / "data")
    spec = spec_with(f"{allowed}/way:/a")
    planned = (Mount(allowed / "hf", "/hf"), *volume_mounts(spec))
    check_volumes(spec, planned)
    (allowed / "other").mkdir()
    (allowed / "data").rmdir()
    (allowed / "data").symlink_to(allowed / "other")
    with pytest.raises(VolumeRefused, match=f"/a was changed .* it is {allowed}/other now"):
        check_volumes(spec, planned)
    (allowed / "other").rmdir()
    (allowed / "other").symlink_to("/etc")
    with pytest.raises(VolumeRefused, match="lies outside"):
        check_volumes(spec, planned)
