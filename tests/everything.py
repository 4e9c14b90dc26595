"""Every test: those of other servers beside most of the others, then those that measure, alone.

    .venv/bin/python -m tests.everything [--once-more]

With --once-more what failed in a part is tried again after it, one test at a time.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

TESTS = Path(__file__).parent
# Most tests wait for servers: two at a time left two cores idle for 40 % of the time.
MOST = ("pytest", "-m", "not alone")
THREE_AT_A_TIME = ("--numprocesses", "3")
# They wait for nothing but the processor, so they take what the others leave of it. What failed
# is remembered in a place of their own.
ON_SERVERS = ("tests.on_servers", "-o", "cache_dir=.pytest_cache/on_servers")
TWO_AT_A_TIME = ("--numprocesses", "2")
WHAT_IS_LEFT = ("nice", "-n", "5")
# Collecting all others for these few would take as long as one of them.
FILES_ALONE = sorted(str(path) for path in TESTS.rglob("test_*.py") if ".alone" in path.read_text())
ALONE = ("pytest", "-m", "alone", *FILES_ALONE)
# Where no test of the part is known to have failed, none is run, and that is a failure too.
WHAT_FAILED = ("--last-failed", "--last-failed-no-failures", "none")


def main(arguments: list[str]) -> int:
    once_more = "--once-more" in arguments
    with beside(*ON_SERVERS, *TWO_AT_A_TIME) as (on_servers, said):
        status = run(*MOST, *THREE_AT_A_TIME)
        statuses = {MOST: status, ON_SERVERS: on_servers.wait()}
        said.seek(0)
        print(said.read(), flush=True)
    for part, status in statuses.items():
        if verdict := final(part, status, once_more=once_more):
            return verdict
    return final(ALONE, run(*ALONE), once_more=once_more)


@contextmanager
def beside(*module_and_arguments: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """It runs meanwhile, and what it says is kept until then."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*WHAT_IS_LEFT, *command(module_and_arguments)], stdout=said, stderr=said, text=True
        )
        try:
            yield process, said
        finally:
            process.terminate()
            process.wait()


def final(part: Sequence[str], status: int, *, once_more: bool) -> int:
    """The status of a part that ended with `status`, after another try of what failed in it."""
    # Any other status: not all tests were run, and running those that failed would hide it.
    if status != pytest.ExitCode.TESTS_FAILED or not once_more:
        return status
    print("--- once more, one at a time: what failed", flush=True)
    return run(*part, *WHAT_FAILED)


def run(*module_and_arguments: str) -> int:
    return subprocess.call(command(module_and_arguments))


def command(module_and_arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", *module_and_arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
