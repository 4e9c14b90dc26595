"""Verifying on real servers with the real genai-bench; nothing stands in."""

import pytest
from django.conf import settings

from experiments_app import provenance, verification
from experiments_app.foreground import run_verification
from experiments_app.models import Experiment
from experiments_app.runner import run_experiment
from experiments_app.scheduler import advance
from experiments_app.verification_words import how_started, verdict_of
from tasks_app.models import Run, Task
from tasks_app.spec import TaskSpec
from tests.experiments_app.own_engine import RUNTIME, install_runtime, paced_data
from tests.experiments_app.specs import task_data

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_engine")]


def measured(data: dict[str, object]) -> Task:
    """A task whose run has ended, with the default and one configuration."""
    task = Task.from_spec(TaskSpec.from_data(data))
    task.save()
    task.start()
    provenance.record(task)
    while experiment := advance(task.pk):
        assert run_experiment(experiment.pk)
    task.refresh_from_db()
    assert [e.error for e in Experiment.objects.of_run(task)] == ["", ""]
    return task


def verified(original: Experiment) -> Experiment:
    execution = verification.verify(original, wake_consumer=False)
    run_verification(execution)
    execution.refresh_from_db()
    return execution


def test_a_server_of_the_same_pace_keeps_it_and_a_slower_one_does_not() -> None:
    """The runtime's file makes it slower since: that counts only where no record says otherwise."""
    data = paced_data(
        parameters={"tpot-ms": [5]},
        optimization={"max_iterations": 1},
        slo={"ttft_p90_s": 0.5},
    )
    task = measured(data)
    original = Experiment.objects.of_run(task).get(number=1)
    flags = {name: flag for name, flag in RUNTIME["flags"].items() if name != "ttft-ms"}  # type: ignore[attr-defined]
    command = [*RUNTIME["command"], "--ttft-ms", "700"]
    install_runtime(settings.HOME.runtimes, flags=flags, command=command)
    kept = verified(original)
    assert (kept.status, kept.error, kept.purpose) == ("success", "", "verify")
    assert verdict_of(kept) == "kept", kept.verification
    levels = [(m.scenario, m.concurrency, m.conditions["prompts"]) for m in
              (original.measurements.get(), kept.measurements.get())]  # fmt: skip
    assert levels[0] == levels[1]  # the very same requests
    assert kept.verification["differences"] == []  # though the runtime's file is another one
    assert how_started(kept) == ""

    Run.objects.filter(task=task).update(provenance=None)  # as of an earlier version
    broken = verified(original)
    assert "did not record how the runtime's file was then" in how_started(broken)
    assert verdict_of(broken) == "not kept"
    assert "TTFT p90" in broken.verification["why"]
    command_now = {d["name"]: d["now"] for d in broken.verification["differences"]}["Command"]
    assert "--ttft-ms 700" in command_now
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED


def test_the_real_llama_server_is_verified() -> None:
    optimization = {"max_iterations": 1, "timeout_per_iteration": 600}
    task = measured(task_data(parameters={"threads": [1]}, optimization=optimization))
    execution = verified(Experiment.objects.of_run(task).get(number=0))
    assert (execution.status, execution.error) == ("success", "")
    assert execution.verification["verdict"] in {"kept", "not kept"}  # four requests tell little
    assert execution.verification["measured"] > 0
    assert execution.verification["differences"] == []
    (level,) = execution.measurements.all()
    assert (level.num_requests, level.num_errors) == (4, 0)
