"""Taking an experiment as the answer, in the browser."""

import pytest
from django.test import Client
from django.urls import reverse

from tasks_app.models import Run
from tests.experiments_app.test_answers import traded
from tests.factories import completed_task, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def test_a_point_of_the_front_is_taken_and_given_back_by_plain_forms(client: Client) -> None:
    task = traded()
    page = client.get(reverse("task_detail", args=[task.pk])).content.decode()
    assert "Take this as the answer" in page
    address = reverse("task_answer", args=[task.pk])
    taken = client.post(address, {"run": "1", "number": "1"}, follow=True).content.decode()
    assert Run.objects.get(task=task).chosen_number == 1
    assert "Chosen configuration" in taken
    assert "Experiment 1 is the answer of this run." in taken
    back = client.post(address, {"run": "1", "number": ""}, follow=True).content.decode()
    assert Run.objects.get(task=task).chosen_number is None
    assert "Chosen configuration" not in back


def test_any_measured_experiment_of_one_objective_can_be_taken(client: Client) -> None:
    task = completed_task()
    experiment = task.experiments.get(number=2)
    page = client.get(reverse("experiment_detail", args=[experiment.pk])).content.decode()
    assert "Take this as the answer" in page
    client.post(reverse("task_answer", args=[task.pk]), {"run": "1", "number": "2"})
    page = client.get(reverse("experiment_detail", args=[experiment.pk])).content.decode()
    assert "Take the best as the answer again" in page


@pytest.mark.parametrize("number", ["-1", "one", "99999999999", "²"])
def test_what_is_no_number_is_refused(client: Client, number: str) -> None:
    address = reverse("task_answer", args=[completed_task().pk])
    assert client.post(address, {"number": number}).status_code == 400


def test_what_was_not_measured_is_refused_with_the_reason(client: Client) -> None:
    address = reverse("task_answer", args=[completed_task().pk])
    page = client.post(address, {"number": "77"}, follow=True).content.decode()
    assert "Experiment 77 was not measured" in page
