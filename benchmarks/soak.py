"""Many days in fast motion: thousands of tiny experiments back to back, and what they leave.

    python -m benchmarks.soak [experiments]

5,000 of them unless told otherwise, which takes an hour or more; Ctrl-C ends it with what it has.

A site of its own, its web server and its consumer, on tasks of 50 experiments each, two at a time.
The engine is a real process, a server of known pace; genai-bench is stood in for
(`benchmarks/soak_consumer.py`). Each line of the table tells what the consumer and the web server
hold, how large the database is, and how long pages take; the last lines compare the end with the
beginning.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

HOME = Path(tempfile.mkdtemp(prefix="autotuner-soak-"))
os.environ["AUTOTUNER_HOME"] = str(HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "autotuner_site.settings"
os.environ["DOCKER_HOST"] = f"unix://{HOME}/no-docker.sock"
os.environ["HF_HUB_OFFLINE"] = "true"
os.environ["PORT_RANGE"] = "18700-18799"

import django  # noqa: E402

django.setup()

import httpx  # noqa: E402
import psutil  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from benchmarks.web_server import ROOT, web_server  # noqa: E402
from experiments_app.lifecycle import start_task  # noqa: E402
from experiments_app.models import Experiment, ResourceLease  # noqa: E402
from tasks_app.models import Task  # noqa: E402
from tasks_app.spec import TaskSpec  # noqa: E402

LOG = HOME / "processes.log"
A_TASK = 50
AT_A_TIME = 2
STEPS = 20
RUNTIME = {
    "name": "paced",
    "command": ["python", "-S", str(ROOT / "tests" / "known_pace_server.py"), "--port", "{port}"],
    "genai_bench_backend": "vllm",
    "health_path": "/health",
    "devices": "0",
    "flags": {
        "ttft-ms": {"type": "float", "default": 50, "help": "time to the first token"},
        "tpot-ms": {"type": "float", "default": 10, "help": "time per output token"},
    },
}


def new_task(number: int) -> Task:
    spec = TaskSpec.from_data(
        {
            "task_name": f"soak {number}",
            "deployment_mode": "local",
            "base_runtime": "paced",
            "model": {"id_or_path": "smollm2-135m"},
            "parameters": {"tpot-ms": [round(0.01 * (n + 1), 2) for n in range(A_TASK - 1)]},
            "fixed_parameters": {"ttft-ms": 1},
            "optimization": {"strategy": "random", "max_iterations": A_TASK - 1, "seed": number},
            "benchmark": {"traffic_scenarios": ["D(16,8)"], "num_concurrency": [2]},
        }
    )
    return Task.create(spec)


@contextmanager
def consumer_on(log: Path) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "benchmarks.soak_consumer"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def held(parent: psutil.Process) -> dict[str, float]:
    """By the process and its lasting children; an engine that comes and goes is left out."""
    mb = files = threads = 0.0
    for process in [parent, *parent.children()]:
        with suppress(psutil.Error):
            mb += process.memory_info().rss / 1e6
            files += process.num_fds()
            threads += process.num_threads()
    return {"MB": round(mb), "files": files, "threads": threads}


def least_ms(client: httpx.Client, path: str) -> float:
    """What the page itself takes: what else the machine does can only add to it."""
    times = []
    for _ in range(15):
        began = time.perf_counter()
        response = client.get(path)
        times.append(1000 * (time.perf_counter() - began))
        assert response.status_code == 200, f"{path}: {response.status_code}"
    return round(min(times), 1)


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    call_command("migrate", verbosity=0)
    (HOME / "runtimes" / "paced.yaml").write_text(json.dumps(RUNTIME))
    owner = User.objects.create_superuser("owner")
    browser = Client(headers={"host": "localhost"})
    browser.force_login(owner)
    cookie = browser.cookies["autotuner_session"].value
    headers = {"Cookie": f"autotuner_session={cookie}"}
    with (
        consumer_on(LOG) as consumer,
        web_server(LOG) as (site, web),
        httpx.Client(base_url=site, headers=headers, timeout=60) as client,
    ):
        rows: list[dict[str, float]] = []
        began = time.monotonic()
        step = max(AT_A_TIME * A_TASK, wanted // STEPS)
        done = 0
        try:
            while done < wanted:
                for _ in range(AT_A_TIME):
                    task = new_task(Task.objects.count() + 1)
                    start_task(task)
                while Task.objects.running().exists():
                    time.sleep(0.5)
                done = Experiment.objects.exclude(completed_at=None).count()
                if done // step <= len(rows):
                    continue
                rows.append(row(done, began, {"consumer": consumer, "web": web}, client, task))
                print(json.dumps(rows[-1]), flush=True)
        except KeyboardInterrupt:
            print(f"broken off after {done} experiments")
        report(rows)


def row(
    done: int, began: float, processes: dict[str, psutil.Process], client: httpx.Client, task: Task
) -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    figures = {
        "experiments": done,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "list ms": least_ms(client, "/"),
        "task ms": least_ms(client, f"/tasks/{task.pk}/"),
        "database kB an experiment": round((HOME / "autotuner.db").stat().st_size / 1e3 / done, 1),
        "queue kB": round((HOME / "queue.db").stat().st_size / 1e3),
    }
    for name, process in processes.items():
        figures |= {f"{name} {what}": value for what, value in held(process).items()}
    return figures


def report(rows: list[dict[str, float]]) -> None:
    statuses = Experiment.objects.values_list("status", flat=True)
    counts = {status: list(statuses).count(status) for status in set(statuses)}
    print(f"experiments by status: {counts}; leases left: {ResourceLease.objects.count()}")
    third = max(1, len(rows) // 3)
    for name in rows[0]:
        first = median(row[name] for row in rows[:third])
        last = median(row[name] for row in rows[-third:])
        print(f"{name:<28} {first:10g} {last:10g}")
    log = LOG.read_text(errors="replace")
    print(f"tracebacks in the logs: {log.count('Traceback')}; kept in {HOME}")


if __name__ == "__main__":
    main()
