"""How quick the pages are with many rows behind them, and what fifty open tabs cost.

    .venv/bin/python benchmarks/site_pages.py [tasks] [experiments of each]

fills a database of its own (1,000 tasks of 100 experiments, one more of 2,000), counts each page's
queries with a tenth of that and with all, starts the site's web server on it, asks for every page
and prints the median, and the processor time that the server took, which says more on a machine
that others use too. Then fifty clients follow a running task as its page does, every two seconds,
while a writer reports progress as a worker does; printed is the share of a core that the server
took, and what went wrong.
"""

import os
import re
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
_home = tempfile.TemporaryDirectory(prefix="autotuner-pages-")
os.environ["AUTOTUNER_HOME"] = _home.name
os.environ["DJANGO_SETTINGS_MODULE"] = "autotuner_site.settings"
os.environ["DOCKER_HOST"] = f"unix://{_home.name}/no-docker.sock"
os.environ["HF_HUB_OFFLINE"] = "true"

import django  # noqa: E402

django.setup()

import httpx  # noqa: E402
import psutil  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks.many_rows import fill  # noqa: E402
from benchmarks.web_server import cpu_s, web_server  # noqa: E402
from experiments_app import task_log  # noqa: E402
from experiments_app.models import Experiment  # noqa: E402
from tasks_app.models import Task  # noqa: E402

REQUESTS = 15
TABS = 50
FOLLOWED_S = 30.0
POLL_S = 2.0


def main(tasks: int, each: int) -> None:
    call_command("migrate", verbosity=0)
    owner = User.objects.create_superuser("ada", password="not a secret")
    fill(max(tasks // 10, 1), each, owner=owner)
    few = count_queries(owner)
    fill(tasks - tasks // 10 - 1, each, owner=owner, seed=1)
    fill(1, 20 * each, owner=owner, seed=2)
    many = count_queries(owner)
    cookie = signed_in(owner).cookies["autotuner_session"].value
    print(
        f"{Task.objects.count():,} tasks, {Experiment.objects.count():,} experiments;"
        f" median of {REQUESTS} requests\n"
    )
    print(f"{'page':<34} {'ms':>7} {'CPU ms':>7} {'kB':>7}  queries with a tenth, with all")
    headers = {"Cookie": f"autotuner_session={cookie}"}
    log = Path(_home.name) / "web.log"
    with (
        web_server(log) as (site, server),
        httpx.Client(base_url=site, headers=headers, timeout=60) as client,
    ):
        for name, path in pages().items():
            median_ms, cpu_ms, size_kb = timed(client, path, server)
            growth = f"{few.get(name, '–')} {many[name]}"
            print(f"{name:<34} {median_ms:7.1f} {cpu_ms:7.1f} {size_kb:7.1f}  {growth}", flush=True)
        follow(client, server)
    text = log.read_text()
    print(f"\n'database is locked' in the server's log: {text.count('database is locked')}")
    print(f"tracebacks in it: {text.count('Traceback')}")


def pages() -> dict[str, str]:
    """Every page by a name; paths of a task with a usual, and of one with a great many rows."""
    running = Task.objects.get(status=Task.Status.RUNNING)
    usual = Task.objects.exclude(pk=running.pk).order_by("pk").first()
    huge = Task.objects.order_by("pk").last()
    assert usual is not None
    assert huge is not None
    experiment = Experiment.objects.get(task=usual, number=3)
    return {
        "list": "/",
        "list, last page": "/?page=9999",
        "list, search": "/?q=team+3",
        "list, by gain": "/?sort=-gain",
        "list, by status and runtime": "/?status=completed&runtime=vllm",
        "task running": f"/tasks/{running.pk}/",
        "task ended": f"/tasks/{usual.pk}/",
        "task ended, sorted": f"/tasks/{usual.pk}/?sort=-ttft_p99_s",
        "task of very many experiments": f"/tasks/{huge.pk}/",
        "the same, sorted": f"/tasks/{huge.pk}/?sort=-ttft_p99_s",
        "task history": f"/tasks/{usual.pk}/history",
        "task form": f"/tasks/{usual.pk}/edit",
        "task form, new": "/tasks/new",
        "task charts": f"/tasks/{usual.pk}/charts/",
        "charts of very many experiments": f"/tasks/{huge.pk}/charts/",
        "scores of very many experiments": f"/tasks/{huge.pk}/charts/score",
        "effects of very many experiments": f"/tasks/{huge.pk}/charts/effects",
        "importance, very many experiments": f"/tasks/{huge.pk}/charts/importance",
        "two experiments compared": f"/tasks/{usual.pk}/compare?experiment=0&experiment=3",
        "two tasks compared": f"/compare?run={usual.pk}.1&run={huge.pk}.1",
        "experiment": f"/experiments/{experiment.pk}/",
        "presets": "/presets/",
        "system": "/system/",
        "help": "/help/",
        "admin, experiments": "/admin/experiments_app/experiment/",
        "admin, tasks": "/admin/tasks_app/task/",
    }


def signed_in(user: User) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def count_queries(user: User) -> dict[str, str]:
    client = signed_in(user)
    counts = {}
    for name, path in pages().items():
        client.get(path)  # what is worked out once
        with CaptureQueriesContext(connection) as captured:
            status = client.get(path).status_code
        counts[name] = str(len(captured)) if status == 200 else f"{len(captured)} ({status})"
    return counts


def timed(client: httpx.Client, path: str, server: psutil.Process) -> tuple[float, float, float]:
    """Median milliseconds, mean milliseconds of the server's processor, kilobytes of a page."""
    client.get(path)  # what is worked out once
    before_s = cpu_s(server)
    times_ms = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        response = client.get(path)
        times_ms.append(1000 * (time.perf_counter() - started))
    cpu_ms = 1000 * (cpu_s(server) - before_s) / REQUESTS
    return statistics.median(times_ms), cpu_ms, len(response.content) / 1000


def follow(client: httpx.Client, server: psutil.Process) -> None:
    """Fifty tabs, each asking again with the ETag it was given, as a browser does."""
    path = f"/tasks/{Task.objects.get(status=Task.Status.RUNNING).pk}/"
    whole = client.get(path).text
    match = re.search(r'id="live"[^>]*data-hx-get="([^"]+)"', whole)
    assert match, "the page of the running task does not follow it"
    polled = match.group(1).replace("&amp;", "&")
    stop = threading.Event()
    answers: list[tuple[int, float]] = []

    def tab(number: int) -> None:
        etag = ""
        stop.wait(POLL_S * number / TABS)
        while not stop.is_set():
            headers = {"HX-Request": "true", **({"If-None-Match": etag} if etag else {})}
            started = time.perf_counter()
            response = client.get(polled, headers=headers)
            answers.append((response.status_code, 1000 * (time.perf_counter() - started)))
            etag = response.headers.get("ETag", "")
            stop.wait(POLL_S)

    threads = [threading.Thread(target=tab, args=(number,)) for number in range(TABS)]
    threads.append(threading.Thread(target=work, args=(stop,)))
    for thread in threads:
        thread.start()
    time.sleep(2 * POLL_S)
    before_s, started = cpu_s(server), time.perf_counter()
    answers.clear()
    time.sleep(FOLLOWED_S)
    share = (cpu_s(server) - before_s) / (time.perf_counter() - started)
    seen = list(answers)
    stop.set()
    for thread in threads:
        thread.join()
    codes = {code: sum(c == code for c, _ in seen) for code in sorted({c for c, _ in seen})}
    print(f"\n{TABS} tabs following a running task for {FOLLOWED_S:g} s: {share:.2f} of a core")
    print(f"answers by status: {codes}; median {statistics.median(ms for _, ms in seen):.1f} ms")


def work(stop: threading.Event) -> None:
    """Report progress once a second and a line of log now and then, as a worker does."""
    experiment = Experiment.objects.active().get()
    requests = 0
    while not stop.wait(1.0):
        requests = (requests + 3) % 100
        experiment.write("benchmark", progress=experiment.progress | {"requests": requests})
        if requests % 10 == 0:
            task_log.write(experiment.task_id, "still measuring", run=1, number=experiment.number)
    connection.close()


if __name__ == "__main__":
    if len(sys.argv) > 3 or not all(argument.isdecimal() for argument in sys.argv[1:]):
        sys.exit(__doc__)
    counts = [int(argument) for argument in sys.argv[1:]]
    main(*(counts + [1_000, 100][len(counts) :]))
