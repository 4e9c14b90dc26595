"""Fixtures for experiments that are really run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from experiments_app.models import ResourceLease
from experiments_app.processes import find_marked
from tests.experiments_app.own_engine import install_runtime
from tests.gguf_factory import byte_level_vocabulary, write_model
from tests.ports import free_port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vocabulary = byte_level_vocabulary(["hello world, how are you?"], pre="gpt-2", size=300)
    return write_model(tmp_path_factory.mktemp("model") / "tiny.gguf", vocabulary)


@pytest.fixture
def own_engine() -> Iterator[None]:
    """The site knows the runtime `paced`; what the test has run must leave nothing behind."""
    install_runtime(settings.HOME.runtimes)
    yield
    for file in settings.HOME.runtimes.iterdir():
        file.unlink()
    assert not find_marked(f"{settings.SITE_ID}:"), "an experiment left processes running"
    assert not ResourceLease.objects.exists(), "an experiment left leases"
