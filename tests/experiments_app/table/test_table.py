import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from experiments_app.overview import TaskOverview
from experiments_app.table.columns import columns_of
from experiments_app.table.query import TableQuery, chosen_columns, remember
from experiments_app.table.table import ROWS_PER_PAGE, ExperimentTable, load_table
from tasks_app.models import Task
from tests import factories
from tests.factories import completed_task, make_task, running_task

pytestmark = pytest.mark.django_db


def table(task: Task, address: str = "", **choice: bool) -> ExperimentTable:
    overview = TaskOverview.load(task)
    columns = columns_of(overview.spec, choice)
    query = TableQuery.parse(QueryDict(address), columns, len(overview.spec.points()))
    return load_table(overview, query, choice)


def numbers(found: ExperimentTable) -> list[int]:
    return [line.row.number for line in found.rows]


def test_it_shows_everything_in_its_order_at_first() -> None:
    found = table(running_task())
    assert numbers(found) == list(range(13))
    assert found.number_heading.sorted == "ascending"


def test_it_sorts_by_score_and_puts_those_without_last() -> None:
    task = running_task()
    assert numbers(table(task, "sort=-score")) == [2, 0, 1, 3, 4]
    assert numbers(table(task, "sort=score")) == [1, 0, 2, 3, 4]


def test_it_sorts_by_a_parameter_of_numbers_and_words() -> None:
    task = make_task(parameters={"threads": [1, 2, 10]})
    task.start()
    for number, value in enumerate(("on", 10, 2)):
        factories.succeed(factories.make_experiment(task, number, {"threads": value}), 50.0)
    assert numbers(table(task, "sort=p%3Athreads")) == [2, 1, 0]


def test_it_sorts_by_a_metric_that_is_not_shown() -> None:
    task = completed_task((50.0, 70.0, 60.0))
    found = table(task, "sort=-output_tokens_per_s", output_tokens_per_s=False)
    assert numbers(found) == [1, 2, 0]


def test_it_shows_the_metric_at_the_chosen_level() -> None:
    load = {"traffic_scenarios": ["D(100,50)"], "num_concurrency": [1, 8]}
    task = completed_task((50.0,), benchmark=load)
    column = [c.key for c in table(task).shown].index("tpot_mean_s")
    assert table(task).rows[0].cells[column].text == "0.1600"  # the heaviest at first
    assert table(task, "level=0").rows[0].cells[column].text == "0.02000"


def test_it_shows_the_chosen_columns() -> None:
    found = table(completed_task((50.0,)), ttft_p99_s=True, gain=False)
    assert "ttft_p99_s" in {column.key for column in found.shown}
    assert "gain" not in {column.key for column in found.shown}


def test_it_filters_by_state() -> None:
    task = running_task()
    assert numbers(table(task, "status=failed")) == [3]
    assert numbers(table(task, "status=pruned")) == []


def test_it_filters_the_pruned_and_tells_their_bound() -> None:
    found = table(factories.pruned_task(), "status=pruned")
    assert numbers(found) == [3, 4]
    bounded, infeasible = (line.row for line in found.rows)
    assert (bounded.score, bounded.bound) == (None, 82.4)
    assert bounded.detail.startswith("cannot beat #2: at most 82.4")
    assert infeasible.bound is None


def test_it_shows_each_at_the_load_that_it_carries_where_that_was_searched_for() -> None:
    found = table(factories.searched_task(), output_tokens_per_s=True)
    assert found.levels == [(0, "D(100,100) at the load that each carries")]
    column = [heading.column.key for heading in found.headings].index("output_tokens_per_s")
    assert [line.cells[column].text for line in found.rows if line.row.experiment] == [
        "61.20", "97.00", "88.30", "40.00",
    ]  # fmt: skip
    assert found.rows[1].row.detail == "carries 24 requests at once (saturated)"


def test_it_says_which_slo_an_infeasible_one_misses_and_where() -> None:
    details = [line.row.detail for line in table(factories.infeasible_task()).rows]
    assert all("TTFT p99 is 0.6674 s at D(100,50) at concurrency 8" in d for d in details)


@pytest.mark.parametrize(
    "address", ["sort=nothing", "sort=-", "level=99", "level=-1", "page=x", "status=<script>"]
)
def test_it_leaves_out_what_an_address_says_wrongly(address: str) -> None:
    assert numbers(table(completed_task((50.0, 60.0)), address)) == [0, 1]


def test_it_turns_the_order_round_at_the_second_click() -> None:
    task = completed_task((50.0, 60.0))
    assert table(task).score_heading.address == "?sort=score"
    assert table(task, "sort=score").score_heading.address == "?sort=-score"
    assert table(task, "sort=score&status=failed&run=1").score_heading.address == (
        "?run=1&sort=-score&status=failed"
    )


def test_it_has_pages_and_asks_as_often_for_a_thousand() -> None:
    few, many = completed_task((50.0, 60.0)), make_task(optimization={"max_iterations": 1000})
    many.start()
    for number in range(2 * ROWS_PER_PAGE + 1):
        factories.make_experiment(many, number, {"threads": number})
    many.experiments.update(status="cancelled")
    many.cancel()
    counts = []
    for task in (few, many):
        overview = TaskOverview.load(task)
        with CaptureQueriesContext(connection) as queries:
            found = load_table(overview, TableQuery(page=3), {})
            assert found.rows
        counts.append(len(queries))
    assert numbers(found) == [200]
    assert found.previous == "?page=2"
    assert found.next == ""
    assert counts == [1, 1]


def test_it_remembers_a_choice_for_the_columns_that_were_offered() -> None:
    columns = columns_of(make_task().spec, {})
    chosen = chosen_columns(QueryDict("column=gain&column=evil"), columns)
    assert chosen["gain"]
    assert not chosen["p:threads"]
    assert "evil" not in chosen
    assert remember({"p:other": False, "gain": False}, chosen)["gain"]
    assert not remember({"p:other": False}, chosen)["p:other"]
