"""A verification outlasts the death of whoever runs it, and the command tells what it found."""

import json

from tests.experiments_app.own_engine import paced_data
from tests.system.site import Site, free_port
from tests.waiting import wait_for

OF_VERIFY = "FROM experiments_app_experiment WHERE purpose = 'verify'"
VERIFY = """
from experiments_app.models import Experiment
from experiments_app.verification import verify
verify(Experiment.objects.get(number=1, repeat=1))
"""


def test_a_consumer_killed_in_a_verification_is_replaced_and_it_is_measured(site: Site) -> None:
    data = paced_data(
        parameters={"tpot-ms": [5]},
        benchmark={"max_requests_per_level": 40},
        optimization={"max_iterations": 1},
    )
    done = site.manage("tune", str(site.write_task(data)), "--json")
    assert done.returncode == 0, done.stderr
    before = json.loads(done.stdout)
    site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    assert site.manage("shell", "--verbosity=0", "-c", VERIFY).returncode == 0
    site.wait_for_row(f"SELECT 1 {OF_VERIFY} AND progress LIKE '%requests%'")
    assert site.rows("SELECT status FROM tasks_app_task") == [("completed",)]
    site.process("run_consumer").kill()
    site.wait_for_row(f"SELECT 1 {OF_VERIFY} AND status = 'success'", timeout_s=90)
    assert site.rows(f"SELECT attempt {OF_VERIFY}") == [(2,)]
    after = site.results("paced")
    assert [v["verdict"] for v in after["verifications"]] == ["kept"]
    assert after["best"] == before["best"]
    assert after["spent"]["engine_s"] == before["spent"]["engine_s"]
    wait_for(lambda: not site.rows("SELECT 1 FROM experiments_app_resourcelease"), timeout_s=10)

    told = site.manage("verify", "paced", "--experiment", "0", "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    found = json.loads(told.stdout)
    assert (found["number"], found["verdict"], found["status"]) == (0, "kept", "success")
    refused = site.manage("verify", "paced", "--experiment", "7")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "has no experiment 7" in refused.stderr
    unit = site.manage("export_deploy", "paced", "--kind", "systemd")
    assert unit.returncode == 0
    assert '"--tpot-ms" "5"' in unit.stdout
    other = site.manage("export_deploy", "paced", "--kind", "kubernetes")
    assert other.returncode == 2
    assert "it can as: flags, command, systemd, task-file" in other.stderr
