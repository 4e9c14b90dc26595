"""Kills at the worst moment: nothing measured is lost, nothing left over, the task goes on."""

import os
import signal

import httpx
import psutil

from tests.experiments_app.own_engine import paced_data
from tests.system.site import Site, free_port
from tests.waiting import wait_for

FIRST_IS_MEASURED, SECOND_IS_MEASURED = (
    f"SELECT 1 FROM experiments_app_experiment WHERE number = {number}"
    " AND status = 'benchmarking' AND progress LIKE '%requests%'"
    for number in (0, 1)
)
ENDED = "SELECT 1 FROM tasks_app_task WHERE status NOT IN ('pending', 'running')"
# Long enough to be killed in: some seconds of load an experiment.
LOAD = {"max_requests_per_level": 40}


def prepare(site: Site) -> None:
    data = paced_data(benchmark=LOAD, optimization={"max_iterations": 1})
    assert site.manage("import_task", str(site.write_task(data))).returncode == 0


def first_experiment(site: Site) -> list[tuple[object, ...]]:
    return site.rows(
        "SELECT status, attempt, objective_score, completed_at FROM experiments_app_experiment"
        " WHERE number = 0"
    )


def check_recovered(site: Site, before: list[tuple[object, ...]]) -> None:
    """The task completed, the finished experiment stands untouched, the killed one was retried."""
    assert first_experiment(site) == before
    results = site.results("paced")
    assert results["status"] == "completed"
    assert [e["status"] for e in results["experiments"]] == ["success"] * 2
    assert site.rows("SELECT attempt FROM experiments_app_experiment ORDER BY number") == [
        (1,),
        (2,),
    ]
    assert not site.rows("SELECT 1 FROM experiments_app_resourcelease")


def engines(site: Site) -> list[psutil.Process]:
    return [p for p in site.children() if "known_pace_server" in " ".join(p.cmdline())]


def test_a_pause_outlasts_a_killed_consumer_and_the_run_goes_on_where_it_was(site: Site) -> None:
    data = paced_data(benchmark=LOAD, optimization={"max_iterations": 2})
    assert site.manage("import_task", str(site.write_task(data))).returncode == 0
    site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.start_task("paced")
    site.act("pause_task", "paced", once=SECOND_IS_MEASURED)
    site.wait_for_row(
        "SELECT 1 FROM experiments_app_experiment WHERE number = 1 AND attempt = 1"
        " AND status = 'success'"
    )
    before = site.processes("run_consumer")
    before[0].kill()
    wait_for(lambda: set(site.processes("run_consumer")) - set(before), timeout_s=120)
    assert site.rows("SELECT status, run FROM tasks_app_task") == [("paused", 1)]
    assert site.rows("SELECT count(*) FROM experiments_app_experiment") == [(2,)]
    site.act("resume_task", "paced")
    site.wait_for_row("SELECT 1 FROM tasks_app_task WHERE status = 'completed'", timeout_s=240)
    results = site.results("paced")
    assert [e["status"] for e in results["experiments"]] == ["success"] * 3
    assert (results["run"], results["spent"]["measured"]) == (1, 3)


def test_a_consumer_killed_in_a_benchmark_is_replaced_and_the_task_completes(site: Site) -> None:
    prepare(site)
    site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.start_task("paced")
    site.wait_for_row(SECOND_IS_MEASURED)
    before = first_experiment(site)
    site.process("run_consumer").kill()
    site.wait_for_row(ENDED, timeout_s=240)
    check_recovered(site, before)
    wait_for(lambda: not engines(site), timeout_s=30)


def test_everything_killed_at_once_goes_on_after_the_next_start(site: Site) -> None:
    prepare(site)
    site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.start_task("paced")
    site.wait_for_row(SECOND_IS_MEASURED)
    before = first_experiment(site)
    for process in site.children():
        process.kill()
    wait_for(lambda: not site.children(), timeout_s=60)
    site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.wait_for_row(ENDED, timeout_s=240)
    check_recovered(site, before)


def test_a_killed_tune_is_cleaned_up_by_reap(site: Site) -> None:
    prepare(site)
    tune = site.start("tune", "paced")
    site.wait_for_row(FIRST_IS_MEASURED)
    tune.kill()
    tune.wait()
    assert site.manage("reap").returncode == 0
    assert not site.children()
    assert site.rows("SELECT status FROM experiments_app_experiment WHERE number = 0") == [
        ("pending",)
    ]


def test_sigterm_hands_the_experiment_back_and_stops_everything(site: Site) -> None:
    prepare(site)
    serve = site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.start_task("paced")
    site.wait_for_row(FIRST_IS_MEASURED)
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(timeout=60) == 0
    assert not site.children()
    assert site.rows("SELECT status FROM experiments_app_experiment WHERE number = 0") == [
        ("pending",)
    ]
    assert site.rows("SELECT status FROM tasks_app_task") == [("running",)]


def test_serve_says_when_its_port_is_taken_and_stops_on_ctrl_c_while_idle(site: Site) -> None:
    port = free_port()
    serve = site.start("serve", "--bind", f"127.0.0.1:{port}")

    def is_healthy() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(is_healthy, timeout_s=120)
    second = site.manage("serve", "--bind", f"127.0.0.1:{port}")
    assert second.returncode == 1
    assert f"127.0.0.1:{port}" in second.stderr
    assert is_healthy()
    os.kill(serve.pid, signal.SIGINT)
    assert serve.wait(timeout=60) == 0
    assert not site.children()
