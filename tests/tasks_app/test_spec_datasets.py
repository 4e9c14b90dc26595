"""A task that names a data set: in files, in the form, and what does not go together."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from autotuner_site.roles import Role
from tasks_app.importing import find_task
from tasks_app.models import Dataset, Task
from tasks_app.problems import SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.taskfile import dump_for_people, load_task
from tests.data_sets import make_dataset
from tests.factories import make_task, make_user, task_data

pytestmark = pytest.mark.django_db


def checked(**benchmark: Any) -> TaskSpec:
    return validate_spec(task_data(benchmark=benchmark), catalogue=site_runtimes())[0]


def problems(**benchmark: Any) -> list[str]:
    with pytest.raises(SpecError) as raised:
        checked(**benchmark)
    return [str(problem) for problem in raised.value.problems]


def test_a_named_one_passes_and_stands_in_the_file() -> None:
    make_dataset("mine")
    spec = checked(dataset="mine", traffic_scenarios=["dataset", "D(10,10)"])
    again, _ = load_task(dump_for_people(spec.to_data()), catalogue=site_runtimes())
    assert again.benchmark.dataset == "mine"
    assert again == spec


def test_an_unknown_one_is_told_with_those_that_there_are() -> None:
    (alone,) = problems(dataset="mine")
    assert "there is no data set 'mine' on this site" in alone
    assert "page Data sets" in alone
    make_dataset("questions")
    make_dataset("support talks", rows=[("Hi", None)])
    assert "did you mean 'questions'?" in problems(dataset="question")[0]
    (told,) = problems(dataset="zzz")
    assert "questions" in told
    assert "support talks" in told


def test_one_that_is_not_ready_is_told() -> None:
    Dataset.objects.create(name="late", source="x")
    assert "not ready: " in problems(dataset="late")[0]


@pytest.mark.parametrize(
    ("benchmark", "why"),
    [
        ({"traffic_scenarios": ["D(9,9)", "dataset"]}, "traffic_scenarios[1]: the scenario"),
        ({"dataset_output_tokens": 20}, "counts only in the scenario dataset"),
        ({"dataset": "bare", "traffic_scenarios": ["dataset"]}, "has no answers"),
        ({"dataset": "bare", "traffic_scenarios": ["dataset"], "dataset_output_tokens": 1}, "2"),
    ],
)
def test_what_does_not_go_together_is_refused(benchmark: dict[str, Any], why: str) -> None:
    make_dataset("bare", rows=[("Why?", None)])
    (told,) = problems(**benchmark)
    assert why in told


def test_without_answers_their_length_can_be_said() -> None:
    make_dataset("bare", rows=[("Why?", None)])
    assert checked(dataset="bare", traffic_scenarios=["dataset"], dataset_output_tokens=20)


def test_the_form_offers_those_that_are_ready(client: Client) -> None:
    client.force_login(make_user(role=Role.OPERATOR))
    make_dataset("mine")
    Dataset.objects.create(name="late", source="x")
    shown = client.get("/tasks/new").content.decode()
    assert '<option value="mine">mine (3 prompts)</option>' in shown
    assert 'value="late"' not in shown


def test_the_form_keeps_the_choice(client: Client) -> None:
    client.force_login(make_user(role=Role.OPERATOR))
    make_dataset("mine")
    task = make_task(benchmark={"dataset": "mine", "num_concurrency": [1]})
    page = client.get(f"/tasks/{task.pk}/edit").content.decode()
    assert '<option value="mine" selected>' in page


def test_the_import_of_a_file_tells_of_a_missing_one(client: Client) -> None:
    client.force_login(make_user(role=Role.OPERATOR))
    text = dump_for_people(task_data(benchmark={"dataset": "theirs"}))
    file = SimpleUploadedFile("theirs.yaml", text.encode())
    shown = client.post("/tasks/import", {"files": file, "action": "read"}).content.decode()
    assert "there is no data set &#x27;theirs&#x27;" in shown
    assert not Task.objects.exists()


def test_tasks_without_one_ask_nothing(django_assert_num_queries: Any) -> None:
    make_task()
    with django_assert_num_queries(0):
        checked(traffic_scenarios=["D(10,10)"])
    assert find_task(Task.objects.get().name).spec.benchmark.dataset is None
