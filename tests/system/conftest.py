import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import PASSWORD, PostgreSQL, Redis
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


@pytest.fixture
def on_servers(tmp_path: Path, postgresql: PostgreSQL, redis_server: Redis) -> Iterator[Site]:
    """A fresh site on an empty database."""
    site = Site(
        tmp_path / "on_servers",
        PORTS,
        environment={
            "DATABASE_URL": postgresql.new_database(),
            "REDIS_URL": redis_server.url,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        },
    )
    yield site
    site.close()
