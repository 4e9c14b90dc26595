"""What a task says keeps its order and is found by its content, whatever the database."""

import pytest

from tasks_app.models import Task
from tests.factories import make_task

pytestmark = pytest.mark.django_db
FLAGS = {"threads": [2], "parallel": [1, 2], "b": [True], "batch-size": [64]}


def test_flags_stay_in_the_order_in_which_they_were_written() -> None:
    task = make_task(parameters=FLAGS)
    assert list(Task.objects.get(pk=task.pk).parameters) == list(FLAGS)


def test_a_column_is_compared_as_a_whole_and_by_its_keys() -> None:
    task = make_task(parameters=FLAGS)
    assert Task.objects.get(parameters=task.parameters) == task
    assert not Task.objects.filter(parameters={"threads": [2]}).exists()
    assert Task.objects.get(optimization__objective=task.optimization["objective"]) == task
    assert Task.objects.get(model__id_or_path__icontains=task.model["id_or_path"].upper()) == task
