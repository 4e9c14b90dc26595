"""Several objectives and the worst case of scenarios, as real servers and genai-bench measure them.

Nothing stands in but the model: the flags of the server set its pace, so who wins is known.
"""

import json
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from experiments_app.answers import take_as_answer
from experiments_app.models import Experiment
from experiments_app.runner import run_experiment
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tasks_app.spec import TaskSpec
from tests.experiments_app.own_engine import paced_data

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_engine")]
SHORT, LONG = "D(16,8)", "D(16,48)"
TWO = {"objectives": ["throughput", "ttft_mean"]}


def run_all(task: Task) -> dict[int, Experiment]:
    """Everything to the end of the task; its experiments by their numbers."""
    while (experiment := advance(task.pk)) is not None:
        assert run_experiment(experiment.pk), settings.HOME.task_log(task.pk).read_text()
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED, task.message
    return {e.number: e for e in Experiment.objects.of_run(task)}


def started(**changes: Any) -> Task:
    task = Task.from_spec(TaskSpec.from_data(paced_data(**changes)))
    task.save()
    task.start()
    return task


def exported(task: Task) -> Any:
    out = StringIO()
    call_command("export_results", task.name, format="json", stdout=out)
    return json.loads(out.getvalue())


def number_of(experiments: dict[int, Experiment], ttft_ms: int) -> int:
    return next(n for n, e in experiments.items() if e.parameters.get("ttft-ms") == ttft_ms)


def rates_of(experiment: Experiment) -> dict[str, float]:
    levels = experiment.measurements.all()
    return {level.scenario: level.output_tokens_per_s or 0.0 for level in levels}


def test_two_objectives_are_measured_to_a_front_and_another_of_it_can_be_the_answer(
    browser: Client,
) -> None:
    """The default (50 ms to the first token, 10 for each further one) is beaten in both."""
    task = started(
        parameters={"ttft-ms": [5, 30], "tpot-ms": [5, 30]},
        constraints=["ttft-ms * tpot-ms == 150"],
        benchmark={"traffic_scenarios": ["D(16,24)"]},
        optimization=TWO,
    )
    experiments = run_all(task)
    fast, prompt = number_of(experiments, 30), number_of(experiments, 5)
    for experiment in experiments.values():
        (level,) = experiment.measurements.all()
        assert experiment.scores == {
            "throughput": pytest.approx(level.output_tokens_per_s),
            "ttft_mean": pytest.approx(level.ttft_mean_s),
        }
    data = exported(task)
    assert data["best"]["number"] == fast
    assert data["chosen"] is None
    assert [point["number"] for point in data["front"]] == [fast, prompt]
    assert data["front"][0]["scores"] == experiments[fast].scores
    assert {e["number"]: e["scores"] for e in data["experiments"]} == {
        number: experiment.scores for number, experiment in experiments.items()
    }

    take_as_answer(task, task.run, prompt)
    assert exported(task)["chosen"]["parameters"] == experiments[prompt].parameters
    page = browser.get(f"/tasks/{task.pk}/").content.decode()
    card = page.partition('id="best-heading"')[2].partition("</section>")[0]
    assert "Chosen configuration" in card
    assert f'/experiments/{experiments[fast].pk}/">experiment {fast}</a>' in card


def test_the_worst_of_two_scenarios_decides_and_an_answer_that_loses_in_one_is_told() -> None:
    """One configuration wins with short answers and loses with long ones; one gains in both."""
    task = started(
        parameters={"ttft-ms": [1, 25], "tpot-ms": [7, 16]},
        constraints=["ttft-ms * tpot-ms > 10", "ttft-ms * tpot-ms < 200"],
        benchmark={"traffic_scenarios": [SHORT, LONG], "num_concurrency": [2]},
        optimization={"across_scenarios": "worst_case"},
    )
    experiments = run_all(task)
    both, short_only = number_of(experiments, 25), number_of(experiments, 1)
    default = rates_of(experiments[0])
    mean = (default[SHORT] * default[LONG]) ** 0.5
    for experiment in experiments.values():
        ratios = {name: rate / default[name] for name, rate in rates_of(experiment).items()}
        assert experiment.objective_score == pytest.approx(min(ratios.values()) * mean)
    data = exported(task)
    assert data["best"]["number"] == both
    take_as_answer(task, task.run, short_only)
    assert (
        f"experiment {short_only} is worse than the default in {LONG} by"
        in (exported(task)["verdict"])
    )
