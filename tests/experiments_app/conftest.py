"""Fixtures for experiments that are really run."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from experiments_app.models import ResourceLease
from experiments_app.processes import find_marked
from tests.experiments_app.own_engine import install_runtime


@pytest.fixture
def own_engine() -> Iterator[None]:
    """The site knows the runtime `paced`; what the test has run must leave nothing behind."""
    install_runtime(settings.HOME.runtimes)
    yield
    for file in settings.HOME.runtimes.iterdir():
        file.unlink()
    assert not find_marked(f"{settings.SITE_ID}:"), "an experiment left processes running"
    assert not ResourceLease.objects.exists(), "an experiment left leases"
