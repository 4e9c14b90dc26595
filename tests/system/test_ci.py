"""A CI job: `tune` with gates and summaries, on a site that is empty at first."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from experiments_app.facts import cpu_name
from tasks_app.spec import TaskSpec
from tests.experiments_app.ci.outcomes import data as results_data
from tests.experiments_app.own_engine import paced_data
from tests.system.site import Site

# 32 tokens: the pace outweighs what a busy machine adds to a request.
DATA = paced_data(
    parameters={"tpot-ms": [5]},
    fixed_parameters={"ttft-ms": 20},
    benchmark={"traffic_scenarios": ["D(16,32)"]},
    optimization={"max_iterations": 1, "confirm": True},
)
GATES = ("--fail-below-baseline", "--max-regression", "5%")


def stored_run(site: Site, score: float) -> Path:
    """The results of a run on this machine whose answer came to `score`, give or take 1 %."""
    spec = TaskSpec.from_data(DATA)
    facts = {"model": spec.model.last_segment, "gpu": cpu_name()}
    stored = results_data(score, spec=spec.to_data(), facts=facts)
    path = site.home / "stored.json"
    path.write_text(json.dumps(stored))
    return path


def tune(site: Site, *options: str, data: dict[str, Any] = DATA) -> Any:
    files = (f"--junit={site.home / 'report.xml'}", f"--markdown={site.home / 'summary.md'}")
    return site.manage("tune", str(site.write_task(data)), "--json", *files, *options)


def gates_of(results: dict[str, Any]) -> dict[str, str]:
    return {gate["name"]: gate["finding"] for gate in results["gates"]}


def test_it_fails_a_job_whose_answer_is_worse_than_the_stored_one_and_says_so(site: Site) -> None:
    done = tune(site, *GATES, "--against", str(stored_run(site, 100_000.0)))
    assert done.returncode == 1, done.stderr
    results = json.loads(done.stdout)
    assert results["status"] == "completed"
    assert results["final"]["is_done"]
    assert results["gates"][0]["name"] == "not worse than the default"
    assert results["gates"][0]["finding"] == "passed"
    assert results["gates"][1]["finding"] == "failed"
    assert results["comparison"]["change_ci95"][1] < -0.9
    summary = (site.home / "summary.md").read_text()
    assert summary.startswith("## ❌ Autotuner: `paced`")
    assert "❌ failed" in summary
    suite = ET.parse(site.home / "report.xml").getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("5", "1")


def test_files_are_written_when_the_task_fails(site: Site) -> None:
    done = tune(site, *GATES, data=paced_data(fixed_parameters={"fault": "unheard-of"}))
    assert done.returncode == 1
    assert set(gates_of(json.loads(done.stdout)).values()) == {"cannot tell"}
    assert "3 of 3 experiments failed" in (site.home / "summary.md").read_text()
    suite = ET.parse(site.home / "report.xml").getroot()[0]
    assert suite.attrib["failures"] == "4"


def test_a_reader_that_goes_away_is_no_fault(site: Site) -> None:
    process = site.start("validate", str(site.write_task(DATA)), "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0
