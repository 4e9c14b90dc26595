import gc
import os
from collections.abc import Generator, Iterator

import pytest
from django.conf import settings
from django.test import Client
from xdist.remote import Producer

from autotuner_site.rate_limits import FILE_NAME
from tests.chromium import chromium
from tests.docker_images import faulty_image, llamacpp_image, python_image
from tests.docker_rig import bridged_dockerd, dockerd, session_bridged_dockerd, session_dockerd
from tests.factories import make_user
from tests.scheduling import LongFilesFirst, in_order
from tests.services import postgresql, redis_server
from tests.shared_world import kept_world, world

__all__ = [
    "bridged_dockerd",
    "chromium",
    "dockerd",
    "faulty_image",
    "kept_world",
    "llamacpp_image",
    "postgresql",
    "python_image",
    "redis_server",
    "session_bridged_dockerd",
    "session_dockerd",
    "world",
]


# 6,000 tests and what they import stay to the end: to look for garbage in them took a tenth of the
# processor time of most tests, and a quarter of the time to collect them.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture
def browser(client: Client) -> Client:
    """A client that is signed in as an administrator."""
    client.force_login(make_user())
    return client


@pytest.fixture(autouse=True, scope="session")
def site_has_just_started() -> Iterator[None]:
    """No consumer runs beside the tests, and `/healthz` waits for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments_app.monitoring.health.STARTING_S", float("inf"))
        yield


@pytest.fixture(autouse=True)
def nobody_came_before() -> None:
    """Accounts of other tests have the same numbers, and their calls do not count."""
    (settings.HOME.root / FILE_NAME).unlink(missing_ok=True)


NO_SKIP = bool(os.environ.get("AUTOTUNER_NO_SKIP"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_when_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_when_skipped(report)
    return report


def fail_when_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """With AUTOTUNER_NO_SKIP what is skipped has failed: nothing may be left out unseen."""
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and AUTOTUNER_NO_SKIP allows none: {report.longrepr}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses an engine of the tests' own has the marker `docker`."""
    for item in items:
        if {"session_dockerd", "session_bridged_dockerd"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("docker")
    items[:] = in_order(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LongFilesFirst:
    config.option.loadscopereorder = (
        False  # by number of tests, of which the longest files have few
    )
    return LongFilesFirst(config, log)
