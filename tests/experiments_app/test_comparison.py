import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments_app.comparison import Comparison
from tests import factories
from tests.factories import completed_task

pytestmark = pytest.mark.django_db


def test_it_marks_the_parameters_that_differ_and_puts_them_first() -> None:
    comparison = Comparison.load(completed_task(), 1, [1, 3])
    lines = {line.name: line for line in comparison.parameters}
    assert not lines["threads"].differs
    assert lines["parallel"].differs
    assert [value.text for value in lines["parallel"].values] == ["1", "4"]
    assert comparison.parameters[0].differs
    assert not comparison.parameters[-1].differs


def test_it_compares_every_metric_with_the_first() -> None:
    comparison = Comparison.load(completed_task((50.0, 60.0)), 1, [0, 1])
    ((where, lines),) = comparison.levels
    assert where == "D(100,50) at concurrency 8"
    by_name = {line.name: line.values[1] for line in lines}
    assert by_name["Output"].change == pytest.approx(0.2)
    assert by_name["Output"].is_better
    assert by_name["TPOT p99"].change == pytest.approx(-1 / 6)
    assert by_name["TPOT p99"].is_better
    assert by_name["TTFT mean"].change is None


def test_it_marks_the_words_of_the_command_that_differ() -> None:
    first, second = Comparison.load(completed_task(), 1, [1, 3]).commands
    assert ("--threads=1", False) in first
    assert ("--parallel=1", True) in first
    assert ("--parallel=4", True) in second


def test_it_says_why_one_is_infeasible_or_failed() -> None:
    infeasible = Comparison.load(factories.infeasible_task(), 1, [0, 1])
    assert "TTFT p99 is 0.6674 s" in infeasible.heads[0].why
    failed = Comparison.load(factories.failed_task(), 1, [0, 1])
    assert "no such file" in failed.heads[0].why
    assert failed.levels == []


def test_it_asks_as_often_for_six_as_for_two() -> None:
    task = completed_task()
    counts = []
    for chosen in ([0, 1], [0, 1, 2, 3, 4, 5]):
        with CaptureQueriesContext(connection) as queries:
            comparison = Comparison.load(task, 1, chosen)
            assert comparison.levels
            assert comparison.heads
        counts.append(len(queries))
    assert counts == [4, 4]


def test_it_shows_them_on_a_page(browser: Client) -> None:
    task = completed_task()
    text = browser.get(
        f"/tasks/{task.pk}/compare?run=1&experiment=0&experiment=10"
    ).content.decode()
    assert "Experiment 10" in text
    assert "+115.5%" in text
    assert "<mark>--threads=2</mark>" in text


@pytest.mark.parametrize(
    ("chosen", "answer"),
    [
        ("experiment=1", "Select two or more"),
        ("", "Select two or more"),
        ("experiment=x&experiment=1&experiment=-2", "Select two or more"),
        ("&".join(f"experiment={n}" for n in range(9)), "up to 6 fit side by side"),
    ],
)
def test_it_says_how_many_can_be_compared(browser: Client, chosen: str, answer: str) -> None:
    response = browser.get(f"/tasks/{completed_task().pk}/compare?{chosen}", follow=True)
    assert answer in response.content.decode()


def test_it_knows_no_run_and_no_experiment_that_is_not_there(browser: Client) -> None:
    path = f"/tasks/{completed_task((50.0,)).pk}/compare"
    assert browser.get(f"{path}?run=7&experiment=0&experiment=1").status_code == 404
    assert browser.get(f"{path}?experiment=70&experiment=71").status_code == 404
    assert browser.get("/tasks/999/compare?experiment=0&experiment=1").status_code == 404
