"""Whole experiments: real servers, the real genai-bench, the database; nothing stands in."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection

from experiments_app import task_log
from experiments_app.confidence.marks import marks_of
from experiments_app.foreign_load import Reading
from experiments_app.leases import lease_port
from experiments_app.models import Experiment
from experiments_app.processes import find_marked
from experiments_app.results import RunResults
from experiments_app.runner import run_experiment
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tasks_app.spec import TaskSpec
from tests.experiments_app.own_engine import install_runtime, paced_data
from tests.experiments_app.specs import task_data
from tests.waiting import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_engine")]


def started(data: dict[str, Any]) -> Task:
    task = Task.from_spec(TaskSpec.from_data(data))
    task.save()
    task.start()
    return task


def run_next(task: Task) -> Experiment:
    experiment = advance(task.pk)
    assert experiment is not None
    assert run_experiment(experiment.pk), settings.HOME.task_log(task.pk).read_text()
    experiment.refresh_from_db()
    return experiment


def log_of(task: Task) -> str:
    return task_log.path_of(task.pk).read_text()


def while_measuring(pk: int, action: Callable[[], object]) -> threading.Thread:
    """Do something from another thread as soon as the experiment has answered a request."""

    def wait_and_act() -> None:
        try:
            wait_for(lambda: Experiment.objects.get(pk=pk).progress.get("requests"), timeout_s=60)
            action()
        finally:
            connection.close()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def kill_process(name: str) -> None:
    """kill -9 the process of the running experiment whose command line holds `name`."""
    marked = find_marked(f"{settings.SITE_ID}:")
    pids = [p.identity.pid for p in marked]
    matching = [pid for pid in pids if name in " ".join(psutil.Process(pid).cmdline())]
    assert matching, [psutil.Process(pid).cmdline() for pid in pids]
    os.kill(matching[0], signal.SIGKILL)


def test_a_users_own_engine_is_tuned_like_any_other() -> None:
    task = started(paced_data())
    baseline, slow, fast = run_next(task), run_next(task), run_next(task)
    assert advance(task.pk) is None
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED, task.message
    if slow.parameters["tpot-ms"] == 5:
        slow, fast = fast, slow
    scores = [e.objective_score for e in (slow, baseline, fast)]
    assert None not in scores
    assert scores == sorted(scores, key=lambda score: score or 0.0)
    results = RunResults(task)
    assert results.best is not None
    assert results.best.parameters == {"tpot-ms": 5}
    assert results.gain is not None
    assert results.gain > 0.2


def test_it_tunes_the_real_llama_server() -> None:
    task = started(task_data())
    experiment = run_next(task)
    assert (experiment.status, experiment.error) == ("success", "")
    (level,) = experiment.measurements.all()
    assert (level.scenario, level.concurrency) == ("D(16,8)", 2)
    assert (level.num_requests, level.num_errors, level.num_cut_off) == (4, 0, 0)
    assert level.samples["output_tokens"] == [8, 8, 8, 8]
    assert level.conditions["steadiness"]["verdict"] == "too_short"
    assert level.conditions["intervals"]["ttft_p99_s"][1] is None  # four requests do not bound it
    assert experiment.objective_score == pytest.approx(level.output_tokens_per_s)
    assert all(
        experiment.phases_s[phase] is not None for phase in ("start", "warm_up", "measure", "stop")
    )
    assert "server" in " ".join(experiment.command)
    assert Path(experiment.log_path).read_text()


def test_a_coarse_cache_is_seen_in_the_answers_of_the_real_llama_server() -> None:
    quality = {"prompts": 3, "max_tokens": 24, "min_token_agreement": 0.99}
    cost = {"price_per_device_hour": 3.6}
    task = started(task_data(parameters={"cache-type-k": ["q4_0"]}, quality=quality, cost=cost))
    baseline, coarse = run_next(task), run_next(task)
    level = baseline.measurements.get()
    assert level.output_tokens_per_s
    assert level.cost_per_million_tokens == pytest.approx(1000 / level.output_tokens_per_s)
    assert baseline.feasible
    assert baseline.quality["noise"]["token_agreement"] > 0.9
    assert baseline.quality["tokens_from"] == "engine"
    assert len(baseline.quality["answers"][0]["tokens"]) > 5
    assert (coarse.status, coarse.feasible) == ("success", False)
    assert coarse.quality["compared"] == 3
    assert coarse.quality["token_agreement"] < 0.9
    assert coarse.quality["logprob_distance"] > 0.01
    assert "tokens that agree with the default's answers" in log_of(task)


def test_every_success_keeps_its_measurements_though_infeasible() -> None:
    task = started(paced_data(slo={"ttft_p99_s": 0.001}))
    experiment = run_next(task)
    assert (experiment.status, experiment.feasible) == ("success", False)
    assert experiment.objective_score is None
    assert experiment.slo_excess is not None
    assert experiment.slo_excess > 1
    assert experiment.measurements.count() == 1
    assert "nothing meets the SLO" in RunResults(task).verdict


def test_cancel_takes_the_experiment_down_within_seconds() -> None:
    task = started(paced_data(benchmark={"max_requests_per_level": 5000}))
    experiment = advance(task.pk)
    assert experiment is not None
    thread = while_measuring(experiment.pk, task.cancel)
    assert run_experiment(experiment.pk)
    thread.join()
    experiment.refresh_from_db()
    assert experiment.status == "cancelled"
    assert experiment.completed_at is not None
    assert task.completed_at is not None
    assert (experiment.completed_at - task.completed_at).total_seconds() < 8


def test_a_server_killed_while_it_is_measured_fails_the_experiment_and_the_task_goes_on() -> None:
    task = started(paced_data(benchmark={"max_requests_per_level": 5000}))
    experiment = advance(task.pk)
    assert experiment is not None
    thread = while_measuring(experiment.pk, lambda: kill_process("known_pace_server"))
    assert run_experiment(experiment.pk)
    thread.join()
    experiment.refresh_from_db()
    assert (experiment.status, experiment.error_kind) == ("failed", "crashed")
    assert "SIGKILL" in experiment.error
    following = advance(task.pk)
    assert following is not None
    assert following.number == 1


def test_an_experiment_whose_genai_bench_is_killed_is_tried_again_and_fails_in_the_end() -> None:
    task = started(paced_data(benchmark={"max_requests_per_level": 5000}))
    experiment = advance(task.pk)
    assert experiment is not None
    for attempts_before, status in ((0, "pending"), (2, "failed")):
        Experiment.objects.update(attempt=attempts_before)
        thread = while_measuring(experiment.pk, lambda: kill_process("launcher"))
        assert run_experiment(experiment.pk)
        thread.join()
        experiment.refresh_from_db()
        assert experiment.status == status
    assert experiment.error_kind == "killed"
    assert "genai-bench" in experiment.error


def test_a_server_that_dies_at_once_is_told_with_its_last_words() -> None:
    task = started(paced_data(parameters={"fault": ["unheard-of"]}))
    run_next(task)
    experiment = run_next(task)
    assert (experiment.status, experiment.error_kind) == ("failed", "bad_flag")
    assert "unheard-of" in experiment.error


def test_the_time_limit_of_an_experiment_holds() -> None:
    data = paced_data(
        benchmark={"max_requests_per_level": 5000}, optimization={"timeout_per_iteration": 10}
    )
    experiment = run_next(started(data))
    assert (experiment.status, experiment.error_kind) == ("failed", "time_out")
    assert "10 s" in experiment.error
    assert experiment.elapsed is not None
    assert experiment.elapsed.total_seconds() < 20


def test_a_server_that_answers_with_errors_fails_the_experiment() -> None:
    task = started(
        paced_data(parameters={"fault": ["error-after"]}, fixed_parameters={"fault-after": 3})
    )
    run_next(task)
    experiment = run_next(task)
    assert experiment.status == "failed"
    assert experiment.error_kind in {"all_failed", "server", "incomplete"}


def test_a_model_that_does_not_exist_fails_with_what_would_be_right() -> None:
    experiment = run_next(started(task_data(model={"id_or_path": "/nowhere/model.gguf"})))
    assert (experiment.status, experiment.error_kind) == ("failed", "model_not_found")
    assert "/nowhere/model.gguf" in experiment.error


def test_a_gguf_cut_in_half_is_told_as_broken(tmp_path: Path) -> None:
    from experiments_app.engines.model_source import resolve_model

    whole = Path(resolve_model("smollm2-135m", home=tmp_path).path)
    half = tmp_path / "half.gguf"
    with whole.open("rb") as source:
        half.write_bytes(source.read(whole.stat().st_size // 2))
    experiment = run_next(started(task_data(model={"id_or_path": str(half)})))
    assert (experiment.status, experiment.error_kind) == ("failed", "model_broken")


def test_a_port_that_is_taken_is_passed_over() -> None:
    first, _ = settings.PORT_RANGE
    with socket.create_server(("127.0.0.1", first)):
        experiment = run_next(started(paced_data()))
    assert experiment.status == "success"
    assert experiment.port != first


def test_no_free_port_fails_the_experiment_with_the_setting_to_change(
    settings: Any,
) -> None:
    with socket.create_server(("127.0.0.1", 18999)):
        settings.PORT_RANGE = (18999, 18999)
        experiment = run_next(started(paced_data()))
    assert (experiment.status, experiment.error_kind) == ("failed", "port_taken")
    assert "PORT_RANGE" in experiment.error


def test_results_that_cannot_be_written_fail_the_experiment() -> None:
    task = started(paced_data())
    (settings.HOME.results / f"task_{task.pk}").write_text("in the way")
    experiment = run_next(task)
    assert (experiment.status, experiment.error_kind) == ("failed", "results_unwritable")
    assert str(settings.HOME.results) in experiment.error


def test_a_level_where_nothing_is_answered_leaves_the_others_their_score() -> None:
    """The readiness probe, the warm-up and the first level are answered, the second is not."""
    data = paced_data(
        fixed_parameters={"fault": "error-after", "fault-after": 8},
        benchmark={"num_concurrency": [1, 2]},
    )
    experiment = run_next(started(data))
    assert (experiment.status, experiment.feasible) == ("success", True)
    assert experiment.objective_score is not None
    first = experiment.measurements.get(concurrency=1)
    assert experiment.objective_score == pytest.approx(first.output_tokens_per_s)


def test_secrets_of_the_environment_stay_out_of_log_and_error() -> None:
    data = paced_data(
        environment={"MY_TOKEN": "hunter2hunter2"},
        parameters={"fault": ["hunter2hunter2"]},
    )
    task = started(data)
    run_next(task)
    experiment = run_next(task)
    assert experiment.status == "failed"
    assert "hunter2" not in experiment.error
    assert "hunter2" not in log_of(task)


def test_a_full_disk_under_the_log_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_log, "path_of", lambda _pk: Path("/dev/full"))
    assert run_next(started(paced_data())).status == "success"


def test_the_log_tells_the_story() -> None:
    task = started(paced_data())
    run_next(task)
    log = log_of(task)
    assert "starting on port" in log
    assert "ready after" in log
    assert "measured:" in log


def test_it_does_not_run_an_experiment_twice() -> None:
    task = started(paced_data())
    experiment = run_next(task)
    assert not run_experiment(experiment.pk)


def test_an_interrupted_experiment_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments_app.serving.lease_port", interrupted)
    task = started(paced_data())
    experiment = advance(task.pk)
    assert experiment is not None
    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment.pk)
    monkeypatch.setattr("experiments_app.serving.lease_port", lease_port)
    experiment.refresh_from_db()
    assert experiment.status == "pending"
    assert run_next(task).status == "success"


def test_it_never_runs_a_configuration_on_fewer_gpus_than_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = started(paced_data())
    # As while the file could not be read for a moment: the claim was made for the CPU.
    install_runtime(settings.HOME.runtimes, devices="1")
    monkeypatch.setattr("experiments_app.runner.gpus_needed", lambda _pk: 0)
    experiment = run_next(task)
    assert (experiment.status, experiment.error_kind) == ("failed", "runtime_broken")
    assert "takes 1 GPUs now, and 0 were leased" in experiment.error


def test_the_final_measures_on_real_servers_and_says_who_is_better() -> None:
    """Known pace: 5 ms a token against the default's 10."""
    data = paced_data(
        parameters={"tpot-ms": [5]},
        optimization={"confirm": True, "max_iterations": 1},
        benchmark={"max_requests_per_level": 8},
    )
    task = started(data)
    while advance(task.pk):
        run_next(task)
    ran = Experiment.objects.executions_of_run(task).order_by("pk")
    assert list(ran.values_list("number", "repeat", "purpose", "status")) == [
        (0, 1, "search", "success"),
        (1, 1, "search", "success"),
        (0, 2, "final", "success"),
        (1, 2, "final", "success"),
        (1, 3, "final", "success"),
        (0, 3, "final", "success"),
    ]
    task.refresh_from_db()
    document = RunResults(task).to_data()
    assert document["final"]["verdict"] == "better"
    assert document["best"]["number"] == 1
    low, high = document["gain_ci95"]
    assert 0 < low < document["gain"] < high


def test_a_disturbed_level_is_measured_again_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The readings are made up: others keep a core busy while the first try lasts."""
    seconds = 0

    def read() -> Reading:
        nonlocal seconds
        seconds += 1
        second_try = any(Path(settings.AUTOTUNER_HOME).rglob("take_1"))
        return Reading(seconds, 2, seconds * (1.0 if second_try else 2.0), seconds * 1.0)

    monkeypatch.setattr("experiments_app.measuring.HostReader", lambda *_: read)
    task = started(paced_data(benchmark={"remeasure_disturbed": True}))
    measurement = run_next(task).measurements.get()
    assert measurement.conditions["tries"] == measurement.conditions["counted_try"] == 2
    assert measurement.conditions["disturbed"] is False
    assert measurement.conditions["request_set"] == "search 1"
    assert len(measurement.conditions["prompts"]) == 64
    assert "was disturbed: other processes kept 1 of 2 cores busy" in log_of(task)
    marks = marks_of(measurement, {}, {})
    assert "measured again (2 tries)" in [mark.name for mark in marks]
