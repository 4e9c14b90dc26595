import csv
import io
import json
import signal

from tests.experiments_app.own_engine import paced_data
from tests.experiments_app.specs import task_data
from tests.system.site import Site

EXPERIMENT_KEYS = {
    "number", "parameters", "status", "feasible", "objective_score", "error_kind", "error",
    "command", "phases_s", "measurements",
}  # fmt: skip
RESULT_KEYS = {
    "task", "status", "run", "objective", "best", "baseline", "gain", "gain_ci95", "verdict",
    "experiments", "log", "chosen", "front", "spent",
}  # fmt: skip
MEASUREMENT_KEYS = {
    "scenario", "concurrency", "repeat", "num_requests", "num_errors", "ttft_mean_s", "ttft_p99_s",
    "tpot_mean_s", "e2e_mean_s", "e2e_p90_s", "output_tokens_per_s", "total_tokens_per_s",
    "requests_per_s",
}  # fmt: skip


def test_it_tunes_the_real_engine_and_prints_one_json_object(site: Site) -> None:
    done = site.manage("tune", str(site.write_task(task_data())), "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results.keys() >= RESULT_KEYS
    assert (results["status"], results["run"]) == ("completed", 1)
    assert [e["number"] for e in results["experiments"]] == [0, 1, 2]
    assert all(e.keys() >= EXPERIMENT_KEYS for e in results["experiments"])
    assert all(e["status"] == "success" for e in results["experiments"])
    for experiment in results["experiments"]:
        (measurement,) = experiment["measurements"]
        assert measurement.keys() >= MEASUREMENT_KEYS
        assert measurement["num_requests"] == 4
    assert results["baseline"]["number"] == 0
    assert results["best"]["objective_score"] == max(
        e["objective_score"] for e in results["experiments"]
    )
    assert not site.children()


def test_a_second_tune_of_the_same_file_is_a_new_run_and_export_gives_both(site: Site) -> None:
    # 32 tokens: the pace outweighs what a busy machine adds to a request.
    data = paced_data(
        parameters={"tpot-ms": [5]},
        benchmark={"traffic_scenarios": ["D(16,32)"]},
        optimization={"max_iterations": 1},
    )
    path = str(site.write_task(data))
    assert site.manage("tune", path).returncode == 0
    second = json.loads(site.manage("tune", path, "--json").stdout)
    assert (second["run"], len(second["experiments"])) == (2, 2)
    assert second["best"]["parameters"] == {"tpot-ms": 5}
    assert second["gain"] > 0.2
    table = site.manage("export_results", "paced", "--format", "csv", "--run", "1").stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["run"] for row in rows] == ["1", "1"]
    assert {row["tpot-ms"] for row in rows} == {"", "5"}
    assert all(float(row["output_tokens_per_s"]) > 0 for row in rows)


def test_ctrl_c_cancels_the_task_and_leaves_nothing_running(site: Site) -> None:
    data = paced_data(benchmark={"max_requests_per_level": 5000})
    process = site.start("tune", str(site.write_task(data)), "--json")
    site.wait_for_row("SELECT 1 FROM experiments_app_experiment WHERE status = 'benchmarking'")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    results = json.loads(output)
    assert results["status"] == "cancelled"
    assert [e["status"] for e in results["experiments"]] == ["cancelled"]
    assert not site.children()


def test_an_unknown_task_is_bad_input_and_the_nearest_name_is_told(site: Site) -> None:
    site.manage("import_task", str(site.write_task(paced_data())))
    done = site.manage("tune", "pased")
    assert done.returncode == 2
    assert "paced" in done.stderr
    assert not done.stdout


def test_a_broken_file_is_bad_input_with_every_problem(site: Site) -> None:
    data = paced_data(max_itterations=5, parameters={"threads": {"low": 9, "high": 1}})
    done = site.manage("tune", str(site.write_task(data)), "--json")
    assert done.returncode == 2
    assert not done.stdout
    assert "max_itterations" in done.stderr
    assert "threads" in done.stderr


def test_a_name_that_is_taken_is_bad_input(site: Site) -> None:
    path = str(site.write_task(paced_data()))
    assert site.manage("import_task", path).returncode == 0
    site.write_task(paced_data(description="another"))
    for command in ("import_task", "tune"):
        again = site.manage(command, path)
        assert again.returncode == 2
        assert "already" in again.stderr


def test_an_export_can_be_imported_again(site: Site) -> None:
    site.manage("import_task", str(site.write_task(paced_data())))
    exported = site.manage("export_task", "paced").stdout
    copy = site.home / "copy.yaml"
    copy.write_text(exported.replace("task_name: paced", "task_name: copy"))
    done = site.manage("import_task", str(copy))
    assert done.returncode == 0, done.stderr
    assert site.manage("export_task", "copy").stdout == copy.read_text()


def test_a_task_where_every_experiment_fails_fails_with_the_cause(site: Site) -> None:
    data = paced_data(fixed_parameters={"fault": "unheard-of"})
    done = site.manage("tune", str(site.write_task(data)), "--json")
    assert done.returncode == 1
    results = json.loads(done.stdout)
    assert results["status"] == "failed"
    assert results["best"] is None
    assert {e["error_kind"] for e in results["experiments"]} == {"bad_flag"}


def test_validate_shows_the_plan(site: Site) -> None:
    done = site.manage("validate", str(site.write_task(task_data())), "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["valid"], plan["configurations"], plan["experiments"]) == (True, 2, 3)
    assert plan["commands"][0][1:3] == ["-m", "experiments_app.llamacpp.server"]
    assert "--threads" not in plan["commands"][0]
    assert "--threads" in plan["commands"][1]


def test_validate_lists_problems_as_json(site: Site) -> None:
    data = task_data(base_runtime="llamacp", parameters={"threads": []})
    done = site.manage("validate", str(site.write_task(data)), "--json")
    assert done.returncode == 2
    report = json.loads(done.stdout)
    assert report["valid"] is False
    assert {p["path"].partition(".")[0] for p in report["problems"]} == {
        "base_runtime",
        "parameters",
    }
