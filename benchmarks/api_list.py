"""How quick the API lists 10,000 tasks.

    .venv/bin/python -m benchmarks.api_list [tasks]

fills a database of its own with ended tasks of three experiments each, starts the site's web server
on it and asks for pages of the list, and for one task, with a token. Printed are the median of 25
requests over HTTP and the processor time that the server took for one, which says more on a machine
that others use too.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

_home = tempfile.TemporaryDirectory(prefix="autotuner-api-list-")
os.environ["AUTOTUNER_HOME"] = _home.name
os.environ["DJANGO_SETTINGS_MODULE"] = "autotuner_site.settings"
os.environ["DOCKER_HOST"] = f"unix://{_home.name}/no-docker.sock"
os.environ["HF_HUB_OFFLINE"] = "true"
os.environ["API_CALLS_PER_MINUTE"] = "0"  # any number: it is all one account's

import django  # noqa: E402

django.setup()

import httpx  # noqa: E402
import psutil  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from autotuner_site.tokens import make_token  # noqa: E402
from benchmarks.many_rows import fill  # noqa: E402
from benchmarks.web_server import cpu_s, web_server  # noqa: E402
from experiments_app.models import Experiment  # noqa: E402
from tasks_app.models import Task  # noqa: E402

REQUESTS = 25


def main(tasks: int) -> None:
    call_command("migrate", verbosity=0)
    owner = User.objects.create_superuser("ada", password="not a secret")
    made = fill(tasks, 3, owner=owner)
    token = make_token(owner, "benchmark").secret
    print(f"{Task.objects.count():,} tasks, {Experiment.objects.count():,} experiments\n")
    print(f"{'call':<46} {'ms':>7} {'CPU ms':>7} {'kB':>7}")
    headers = {"Authorization": f"Bearer {token}"}
    with (
        web_server(Path(_home.name) / "web.log") as (site, server),
        httpx.Client(base_url=site, headers=headers, timeout=60) as client,
    ):
        for path in _paths(tasks, made[tasks // 2].pk):
            _print(client, path, server)


def _paths(tasks: int, pk: int) -> list[str]:
    return [
        "/tasks",
        "/tasks?limit=100",
        f"/tasks?offset={max(0, tasks - 25)}",
        "/tasks?q=team+3",
        "/tasks?status=completed&base_runtime=vllm",
        "/tasks?label=chat&sort=task_name",
        "/tasks?sort=-gain",
        f"/tasks/{pk}",
        "/experiments",
    ]


def _print(client: httpx.Client, path: str, server: psutil.Process) -> None:
    client.get(f"/api/v1{path}").raise_for_status()
    before_s = cpu_s(server)
    times_ms = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        answer = client.get(f"/api/v1{path}")
        times_ms.append((time.perf_counter() - begun) * 1000)
    cpu_ms = (cpu_s(server) - before_s) * 1000 / REQUESTS
    size_kb = len(answer.content) / 1000
    print(f"{path:<46} {statistics.median(times_ms):7.1f} {cpu_ms:7.1f} {size_kb:7.1f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
