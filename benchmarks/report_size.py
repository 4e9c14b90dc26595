"""How large the report of a run is, where its bytes are, and how long it takes to make.

    .venv/bin/python benchmarks/report_size.py [experiments]

fills a database of its own with a run of so many experiments (500) at one, two and four load
levels, each measurement with all that a real one has stored beside its figures, and prints for each
the size, its parts, and the processor seconds: the first time, and again when the charts are drawn.
"""

import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
_home = tempfile.TemporaryDirectory(prefix="autotuner-report-")
os.environ["AUTOTUNER_HOME"] = _home.name
os.environ["DJANGO_SETTINGS_MODULE"] = "autotuner_site.settings"

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from benchmarks import many_rows  # noqa: E402
from experiments_app.html_report.page import report_html  # noqa: E402
from experiments_app.html_report.raw_data import ROUNDED, SHORTENED  # noqa: E402
from experiments_app.models import Measurement  # noqa: E402
from experiments_app.results_table import INTERVALS  # noqa: E402

LOADS = ((1,), (1, 8), (1, 4, 8, 16))


def main(experiments: int) -> None:
    call_command("migrate", verbosity=0)
    owner = User.objects.create_superuser("ada", password="not a secret")
    print(f"{experiments} experiments\n")
    print("levels   bytes      data       charts     table      CPU s  again  exact")
    for loads in LOADS:
        points: Any = tuple(("D(100,100)", load) for load in loads)
        many_rows.POINTS = points
        many_rows.fill(1, 2, owner=owner)  # the first of all still runs
        (task,) = many_rows.fill(1, experiments, owner=owner)
        rows = list(Measurement.objects.filter(experiment__task=task))
        rng = random.Random(1)
        for row in rows:
            row.conditions = dict(conditions(row, rng))
        Measurement.objects.bulk_update(rows, ["conditions"], batch_size=500)
        first_s, report = timed(task)
        again_s, report = timed(task)
        data = found(r'id="results">(.*?)</script>', report)
        charts = sum(len(svg) for svg in re.findall(r"<svg.*?</svg>", report, re.S))
        table = found(r'<section[^>]*id="experiments".*?</section>', report)
        exact = "yes"
        for note, told in ((ROUNDED, "rounded"), (SHORTENED, "shortened")):
            exact = told if note in report else exact
        print(
            f"{len(loads):>6} {len(report.encode()):>9,} {len(data):>9,} {charts:>10,}"
            f" {len(table):>9,} {first_s:>9.1f} {again_s:>6.1f}  {exact}"
        )


def conditions(row: Measurement, rng: random.Random) -> Iterator[tuple[str, Any]]:
    """As `measuring` stores them; the names and the numbers are as long as real ones."""
    yield "prompts", f"{rng.getrandbits(256):064x}"
    yield (
        "intervals",
        {
            name: [value * rng.uniform(0.9, 0.99), value * rng.uniform(1.01, 1.1)]
            for name in INTERVALS
            for value in [getattr(row, name, 0.01)]
        },
    )
    yield "independent_requests", {}
    yield "steadiness", {"verdict": "steady", "figure": "", "change": 0.0}
    yield "ramp_up", {"requests": row.concurrency, "ttft_ratio": rng.uniform(1, 1.2)}
    yield "request_set", "search 1"
    for name in ("foreign_cpu", "own_cpu", "steal_cpu", "io_wait_cpu", "memory_stall"):
        yield name, rng.uniform(0, 1)
    yield from (("disturbed", False), ("tries", 1))


def timed(task: Any) -> tuple[float, str]:
    begun = time.process_time()
    report = report_html(task)
    return time.process_time() - begun, report


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.S)
    return match[match.re.groups] if match else ""


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
