"""What a benchmark can fail with."""

import errno
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments_app.benchmark.results import LevelResult


class ErrorKind(StrEnum):
    TOKENIZER = "tokenizer"  # the tokenizer could not be loaded
    SERVER = "server"  # the engine stopped answering, or answered with errors, in mid-run
    ALL_FAILED = "all_failed"  # no request of a level succeeded
    TIME_OUT = "time_out"
    KILLED = "killed"  # genai-bench was ended by a signal that we did not send
    INCOMPLETE = "incomplete"  # results are missing, doubled or do not add up
    DISK_FULL = "disk_full"
    OTHER = "other"


class BenchmarkError(Exception):
    """A benchmark that gave no full set of results; the message is fit to show to the user.

    `levels` are the levels that had finished before, and `log_tail` the last lines that
    genai-bench wrote.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        levels: "tuple[LevelResult, ...]" = (),
        log_tail: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.levels = levels
        self.log_tail = log_tail


def error_of_os(error: OSError, what: str) -> BenchmarkError:
    """A failed system call as a benchmark's failure."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return BenchmarkError(ErrorKind.DISK_FULL if full else ErrorKind.OTHER, f"{what}: {error}")
