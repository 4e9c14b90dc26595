"""What a container adds to an experiment: the same task tuned as a process and in containers.

    .venv/bin/python benchmarks/container_overhead.py [experiments]

as root, with Docker's programs installed (docs/docker.md): it starts a Docker engine of its own and
makes the image from what is installed here. Compared is each experiment's wall time without warm-up
and measurement: start, readiness, stop, and everything of ours.
"""

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.docker_images import LLAMACPP_IMAGE, image  # noqa: E402
from tests.docker_rig import PrivateDockerd, why_no_engine  # noqa: E402
from tests.experiments_app.specs import task_data  # noqa: E402
from tests.system.site import Site  # noqa: E402

MODES = ("local", "docker")


def main(count: int) -> None:
    if reason := why_no_engine():
        sys.exit(reason)
    engine = PrivateDockerd()
    engine.start()
    try:
        image(engine, LLAMACPP_IMAGE)
        os.environ["DOCKER_HOST"] = engine.host
        with tempfile.TemporaryDirectory() as folder:
            site = Site(Path(folder) / "home", "18600-18699")
            site.manage("migrate", "--verbosity=0")
            try:
                seconds = {mode: tuned(site, mode, count) for mode in MODES}
            finally:
                site.close()
    finally:
        engine.close()
    print("seconds of an experiment beside warm-up and measurement")
    for mode, values in seconds.items():
        print(
            f"{mode:>7}: median {statistics.median(values):.2f}, from {min(values):.2f}"
            f" to {max(values):.2f} ({len(values)} experiments)"
        )
    added_s = statistics.median(seconds["docker"]) - statistics.median(seconds["local"])
    print(f"a container adds {added_s:+.2f} s (median over median)")


def tuned(site: Site, mode: str, count: int) -> list[float]:
    """Per experiment, from its claim to its end."""
    data = task_data(
        task_name=f"overhead {mode}",
        deployment_mode=mode,
        parameters={"ubatch-size": [64 * (n + 1) for n in range(count)]},
        optimization={"strategy": "grid_search", "max_iterations": count},
        runtime_image=LLAMACPP_IMAGE if mode == "docker" else None,
    )
    done = site.manage("tune", str(site.write_task(data)), "--json", timeout_s=1_200)
    if done.returncode != 0:
        sys.exit(done.stderr)
    assert json.loads(done.stdout)["status"] == "completed"
    query = (
        "SELECT (julianday(e.completed_at) - julianday(e.started_at)) * 86400"
        " - coalesce(warm_up_s, 0) - coalesce(measure_s, 0) FROM experiments_app_experiment e"
        f" JOIN tasks_app_task t ON t.id = e.task_id WHERE t.name = '{data['task_name']}'"
    )
    return [row[0] for row in site.rows(query)]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
