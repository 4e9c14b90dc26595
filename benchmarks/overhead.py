"""Our own overhead: what an experiment and a task take beyond the engine's and genai-bench's time.

    .venv/bin/python benchmarks/overhead.py "smollm2-135m on llama.cpp"

reads the latest run of that task from the site's database (AUTOTUNER_HOME). For each experiment:
wall time minus (engine spawn to ready) minus warm-up minus (genai-bench let go to exit; it is
spawned with the engine and loads itself meanwhile). For the task: wall time over the sum of its
experiments' engine and genai-bench time.
"""

import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "autotuner_site.settings")

import django

django.setup()

from experiments_app.models import Experiment  # noqa: E402
from tasks_app.models import Task  # noqa: E402


def main(name: str) -> None:
    task = Task.objects.get(name=name)
    experiments = list(Experiment.objects.of_run(task).filter(status="success").order_by("number"))
    overheads_s, accounted_s = [], []
    print("  #    wall  start  warm-up  measure   stop   ours")
    for e in experiments:
        assert e.elapsed is not None
        wall_s = e.elapsed.total_seconds()
        phases_s = [e.start_s or 0.0, e.warm_up_s or 0.0, e.measure_s or 0.0]
        overheads_s.append(wall_s - sum(phases_s))
        accounted_s.append(sum(phases_s))
        print(
            f"{e.number:>3} {wall_s:7.2f} {phases_s[0]:6.2f} {phases_s[1]:8.2f} {phases_s[2]:8.2f}"
            f" {e.stop_s or 0.0:6.2f} {overheads_s[-1]:6.2f}"
        )
    assert task.elapsed is not None
    total_s = task.elapsed.total_seconds()
    print(f"\n{len(experiments)} experiments, task wall time {total_s:.1f} s")
    print(
        f"our overhead per experiment: median {statistics.median(overheads_s):.2f} s,"
        f" maximum {max(overheads_s):.2f} s"
    )
    print(f"task over its engines' and genai-bench's time: {total_s / sum(accounted_s) - 1:+.1%}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
