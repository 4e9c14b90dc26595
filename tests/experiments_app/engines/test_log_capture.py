import os
import time
from pathlib import Path

import pytest

from experiments_app.engines.log_capture import LogCapture


def capture(path: Path, limit_bytes: int) -> tuple[LogCapture, int]:
    read_fd, write_fd = os.pipe()
    return LogCapture(read_fd, path, limit_bytes), write_fd


def write_all(write_fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(write_fd, data) :]
    os.close(write_fd)


@pytest.mark.parametrize("size", [0, 1, 499, 500, 501, 999, 1000])
def test_it_keeps_everything_within_the_limit(tmp_path: Path, size: int) -> None:
    data = (b"0123456789" * 100)[:size]
    log, write_fd = capture(tmp_path / "log", limit_bytes=1000)
    write_all(write_fd, data)
    log.close()
    assert (tmp_path / "log").read_bytes() == data
    assert log.incomplete is None
    assert log.text().encode() == data


def test_it_says_how_much_it_left_out(tmp_path: Path) -> None:
    log, write_fd = capture(tmp_path / "log", limit_bytes=1000)
    write_all(write_fd, b"a" * 500 + b"b" * 250 + b"c" * 500)
    log.close()
    assert (tmp_path / "log").read_bytes() == (
        b"a" * 500 + "\n[… 250 bytes left out …]\n".encode() + b"c" * 500
    )
    assert log.incomplete == "over its limit: 250 bytes were left out"


def test_it_writes_lines_as_they_come(tmp_path: Path) -> None:
    log, write_fd = capture(tmp_path / "log", limit_bytes=1000)
    os.write(write_fd, b"one\n")
    deadline_s = time.monotonic() + 5
    while not (tmp_path / "log").read_bytes() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert (tmp_path / "log").read_bytes() == b"one\n"
    os.close(write_fd)
    log.close()


def test_it_returns_the_last_lines(tmp_path: Path) -> None:
    log, write_fd = capture(tmp_path / "log", limit_bytes=1000)
    write_all(write_fd, b"one\ntwo\nthr\xffee\n")
    log.wait_drained(5)
    assert log.tail(2) == "two\nthr\ufffdee"
    log.close()


def test_it_goes_on_where_the_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log, write_fd = capture(tmp_path / "file" / "log", limit_bytes=1000)
    write_all(write_fd, b"the cause\n")
    log.close()
    assert log.tail(1) == "the cause"
    assert log.incomplete is not None
    assert "could not be opened" in log.incomplete


def test_it_does_not_wait_for_a_stray_writer(tmp_path: Path) -> None:
    log, write_fd = capture(tmp_path / "log", limit_bytes=1000)
    os.write(write_fd, b"held open")
    started_at_s = time.monotonic()
    log.close()
    assert time.monotonic() - started_at_s < 3
    assert (tmp_path / "log").read_bytes() == b"held open"
    os.close(write_fd)


@pytest.mark.parametrize("cut", range(12, 24))
def test_it_masks_secrets_wherever_the_stream_is_cut(tmp_path: Path, cut: int) -> None:
    read_fd, write_fd = os.pipe()
    path = tmp_path / "log"
    log = LogCapture(read_fd, path, 1000, secrets=["hf_abcdef", "hf_"])
    data = b"my token is hf_abcdef, no other\n"
    os.write(write_fd, data[:cut])
    time.sleep(0.15)  # read on its own
    write_all(write_fd, data[cut:])
    log.close()

    assert path.read_text() == "my token is ••••••••, no other\n"
    assert "abcdef" not in log.text()


def test_it_keeps_what_only_begins_like_a_secret(tmp_path: Path) -> None:
    read_fd, write_fd = os.pipe()
    log = LogCapture(read_fd, tmp_path / "log", 1000, secrets=["hf_abcdef"])
    write_all(write_fd, b"it ends with hf_abc")
    log.close()

    assert (tmp_path / "log").read_text() == "it ends with hf_abc"
