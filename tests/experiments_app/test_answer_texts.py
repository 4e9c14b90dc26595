from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments_app.answer_texts import answer_texts
from experiments_app.models import Experiment
from tasks_app.models import Task
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import load_task
from tests import factories
from tests.factories import completed_task

pytestmark = pytest.mark.django_db


def texts_of(task: Task, number: int = 1) -> dict[str, str]:
    spec: TaskSpec = task.runs.get(number=1).task_spec
    found = answer_texts(spec, task.experiments.get(number=number))
    return {text.title: text.text for text in found}


@pytest.fixture
def model(tmp_path: Path, settings: Any) -> str:
    settings.DOCKER_MODEL_PATH = tmp_path
    path = tmp_path / "small.gguf"
    path.write_bytes(b"GGUF")
    return str(path)


def test_it_gives_a_task_file_that_measures_it_again() -> None:
    task = completed_task((50.0, 60.0), fixed_parameters={"ctx-size": 4096})
    text = texts_of(task)["Task file"]
    spec, _ = load_task(text, catalogue=site_runtimes())
    assert list(map(str, spec.parameters)) == ["threads", "parallel", "ubatch-size"]
    assert spec.search_space().size() == 1
    assert spec.fixed_parameters == {"ctx-size": 4096}
    assert spec.benchmark == task.spec.benchmark


def test_it_gives_the_whole_task_where_the_default_is_the_best() -> None:
    text = texts_of(completed_task((50.0,)), number=0)["Task file"]
    assert yaml.safe_load(text)["parameters"]["threads"] == [1, 2]


def test_it_shows_no_secret_anywhere(model: str) -> None:
    task = completed_task(
        (50.0, 60.0),
        deployment_mode="docker",
        model={"id_or_path": model},
        environment={"MY_API_KEY": "sesame-open-4711", "PLAIN": "pl$in"},
        access={"hub_token": "hf_sesame-open-4711"},
    )
    texts = texts_of(task)
    assert {"Flags", "docker run", "Compose", "Task file"} <= set(texts)
    assert "sesame" not in "".join(texts.values())
    environment = yaml.safe_load(texts["Compose"])["services"]["small-gguf"]["environment"]
    assert environment["MY_API_KEY"] is None
    assert environment["PLAIN"] == "pl$$in"


def test_it_gives_the_container_of_what_was_measured_as_a_process(model: str) -> None:
    task = completed_task((50.0, 60.0), model={"id_or_path": model})
    texts = texts_of(task)
    assert texts["Command"].startswith("python -m experiments_app.llamacpp.server")
    assert texts["docker run"].startswith("docker run --detach")
    assert "--threads" in texts["docker run"]
    assert yaml.safe_load(texts["Compose"])["services"]


def test_it_gives_what_it_can_where_the_model_is_gone() -> None:
    task = factories.completed_task((50.0, 60.0), model={"id_or_path": "/models/gone.gguf"})
    Experiment.objects.update(command=[])
    assert list(texts_of(task)) == ["Flags", "Task file"]
