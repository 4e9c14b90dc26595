"""Every test, in three parts: three at a time, those that measure alone, and on other servers.

    .venv/bin/python -m tests.everything [--once-more]

With --once-more what failed in a part is tried again before the next part, one test at a time.
"""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# Most tests wait for servers: two at a time left two cores idle for 40 % of the time. Those that
# measure run alone.
THREE_AT_A_TIME = ("--numprocesses", "3")
TWO_AT_A_TIME = ("--numprocesses", "2")
# Collecting all others for these few would take as long as one of them.
FILES_ALONE = sorted(str(path) for path in TESTS.rglob("test_*.py") if ".alone" in path.read_text())
PARTS = (
    (("pytest", "-m", "not alone"), THREE_AT_A_TIME),
    (("pytest", "-m", "alone", *FILES_ALONE), ()),
    (("tests.on_servers",), TWO_AT_A_TIME),
)
# Where no test of the part is known to have failed, none is run, and that is a failure too.
WHAT_FAILED = ("--last-failed", "--last-failed-no-failures", "none")


def main(arguments: list[str]) -> int:
    for part, at_a_time in PARTS:
        status = run(*part, *at_a_time)
        # Any other status: not all tests were run, and running those that failed would hide it.
        if status == pytest.ExitCode.TESTS_FAILED and "--once-more" in arguments:
            print("--- once more, one at a time: what failed", flush=True)
            status = run(*part, *WHAT_FAILED)
        if status != pytest.ExitCode.OK:
            return status
    return 0


def run(*module_and_arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", *module_and_arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
