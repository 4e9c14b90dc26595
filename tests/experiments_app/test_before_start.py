from pathlib import Path

import pytest

from experiments_app.before_start import before_start
from tasks_app.spec import TaskSpec
from tests.experiments_app.specs import task_data

pytestmark = pytest.mark.django_db


def test_it_says_how_large_the_model_is_and_where_it_runs() -> None:
    facts = dict(before_start(TaskSpec.from_data(task_data())))

    assert "SmolLM2-135M" in facts["Model"]
    assert facts["Server"] == "a process of this machine"


def test_it_says_that_the_image_cannot_be_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    spec = TaskSpec.from_data(task_data(deployment_mode="docker", runtime_image="a/b:1"))

    assert dict(before_start(spec))["Image"].startswith("a/b:1; there is no Docker engine")


def test_it_says_what_this_host_lacks() -> None:
    data = task_data(base_runtime="vllm", parameters={"max-num-seqs": [1, 2]})
    data |= {"model": {"id_or_path": "org/model"}, "deployment_mode": "docker"}

    facts = dict(before_start(TaskSpec.from_data(data)))
    assert facts["GPUs"] == "the baseline needs 1 GPU, this host has none"
    assert facts["Model"] == "org/model is not in the cache: it will be downloaded"
