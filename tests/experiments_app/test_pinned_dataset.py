"""A run is measured with the data set that its name stood for at the start, and with no other."""

from typing import Any

import pytest

from experiments_app import pinned_dataset, provenance, provenance_words
from experiments_app.benchmark import BenchmarkError
from experiments_app.datasets.taking import remove
from experiments_app.lifecycle import restart_task
from experiments_app.models import Experiment
from experiments_app.scheduler import advance
from tasks_app.models import Dataset, Task
from tests.data_sets import make_dataset
from tests.factories import completed_task, running_task, succeed

pytestmark = pytest.mark.django_db
LOAD: dict[str, Any] = {"benchmark": {"dataset": "mine", "num_concurrency": [1]}}


@pytest.fixture
def task() -> Task:
    make_dataset("mine")
    task = running_task(1, **LOAD)
    provenance.record(task)
    return task


def experiment_of(task: Task) -> Experiment:
    return task.experiments.get(number=1)


def another_under_its_name() -> None:
    task = Task.objects.get()
    remove(make_dataset("other", rows=[("x", None)]))
    (mine,) = Dataset.objects.filter(name="mine")
    assert list(mine.users()) == [task]
    remove(mine)
    make_dataset("mine", rows=[("Other?", None)])


def test_the_load_client_gets_the_one_that_the_run_began_with(task: Task) -> None:
    found = pinned_dataset.own_prompts(experiment_of(task), task.spec)
    assert found is not None
    assert (found.folder / "prompts.json").exists()
    told = provenance_words.lines(task.runs.get().provenance or {})
    assert told["Model and load: Data set"] == "mine, 3 prompts"
    assert told["Model and load: Data set's SHA-256"] == found.sha256


def test_its_lengths_are_known_by_tokens_or_else_by_characters(task: Task) -> None:
    found = pinned_dataset.own_prompts(experiment_of(task), task.spec)
    assert found is not None
    assert found.quantiles[0] == (0, len("Name three rivers.") / 4)
    assert found.quantiles[-1] == (1, len("What is a prime number?") / 4)
    tokens = {"min": 4, "p10": 4, "p50": 5, "p90": 6, "p99": 6, "max": 7}
    Dataset.objects.update(lengths={"prompts": {"characters": {}, "tokens": tokens}})
    found = pinned_dataset.own_prompts(experiment_of(task), task.spec)
    assert found is not None
    assert found.quantiles == ((0, 4), (0.1, 4), (0.5, 5), (0.9, 6), (0.99, 6), (1, 7))


def test_another_one_under_the_same_name_is_refused(task: Task) -> None:
    another_under_its_name()
    with pytest.raises(BenchmarkError, match="not the one that the run began with"):
        pinned_dataset.own_prompts(experiment_of(task), task.spec)


def test_one_that_is_gone_is_told(task: Task) -> None:
    Dataset.objects.all().delete()
    with pytest.raises(BenchmarkError, match="no more on this site"):
        pinned_dataset.own_prompts(experiment_of(task), task.spec)


@pytest.mark.parametrize("same", [True, False])
def test_results_are_taken_over_only_where_the_prompts_were_the_same(*, same: bool) -> None:
    make_dataset("mine")
    grid = {
        "parameters": {"threads": [1, 2], "parallel": [1, 4]},
        "optimization": {"strategy": "grid_search", "max_iterations": 4, "confirm": False},
    }
    task = completed_task((60.0, 70.0, 80.0, 90.0, 100.0), **grid, **LOAD)
    provenance.record(task)
    if not same:
        another_under_its_name()
    restart_task(task, wake_consumer=False)
    first = advance(task.pk)
    assert first is not None
    succeed(first, 61.0)
    assert (advance(task.pk) is None) is same  # all the rest was taken over
