import os

import pytest

NO_SKIP = bool(os.environ.get("AUTOTUNER_NO_SKIP"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With AUTOTUNER_NO_SKIP a skipped test fails the run: nothing may be left out unseen."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if NO_SKIP and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("a test was skipped, and AUTOTUNER_NO_SKIP allows none", red=True)
