"""Real tasks on the real engine, short enough that kills hit every phase of an experiment."""

from pathlib import Path
from typing import Any

from tests.docker.tasks import llamacpp_data
from tests.experiments_app.specs import task_data
from tests.settings import FIRST_PORT
from tests.system.site import Site

PORTS = f"{FIRST_PORT + 600}-{FIRST_PORT + 699}"
CONFIGURATIONS = 12


def search(configurations: int) -> dict[str, Any]:
    return {
        "parameters": {"threads": [1, 2], "parallel": [1, 2, 4], "ubatch-size": [64, 512]},
        "optimization": {"max_iterations": configurations},
        "benchmark": {"max_requests_per_level": 8},
    }


def chaos_site(home: Path) -> Site:
    """A new site whose temporary files lie in a folder of its own."""
    (home / "tmp").mkdir(parents=True)
    site = Site(home, PORTS, environment={"TMPDIR": str(home / "tmp")})
    done = site.manage("migrate", "-v", "0")
    assert done.returncode == 0, done.stderr
    return site


def local_document(number: int, configurations: int = CONFIGURATIONS) -> dict[str, Any]:
    return task_data(task_name=f"storm {number}", **search(configurations))


def container_document(number: int, configurations: int = CONFIGURATIONS) -> dict[str, Any]:
    return llamacpp_data(task_name=f"storm {number}", **search(configurations))
