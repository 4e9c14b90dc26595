import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.settings import FIRST_PORT
from tests.system.site import Site

PORTS = f"{FIRST_PORT + 400}-{FIRST_PORT + 499}"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all migrations applied and nothing in it."""
    site = Site(tmp_path_factory.mktemp("empty") / "home", PORTS)
    done = site.manage("migrate", "-v", "0")
    assert done.returncode == 0, done.stderr
    return site.home / "autotuner.db"


@pytest.fixture
def site(tmp_path: Path, empty_database: Path) -> Iterator[Site]:
    """A fresh site; whatever a test leaves running is ended."""
    site = Site(tmp_path / "home", PORTS)
    shutil.copy(empty_database, site.home)
    yield site
    site.close()
