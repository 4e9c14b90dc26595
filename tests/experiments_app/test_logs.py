from pathlib import Path

from experiments_app import logs


def test_it_reads_what_was_added(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    part = logs.read(log, 4)
    assert (part.text, part.start, part.end) == ("two\n", 4, 8)


def test_it_reads_a_log_that_was_cleared_from_the_top(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("new\n")
    assert logs.read(log, 4000).start == 0


def test_it_reads_whole_lines_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("äöü\n" * 100)
    part = logs.read(log, 0, max_bytes=50)
    assert part.text.endswith("\n")
    assert "\ufffd" not in part.text
    rest = logs.read(log, part.end)
    assert part.text + rest.text == "äöü\n" * 100


def test_it_shows_the_last_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(100)))
    assert logs.tail(log, max_bytes=20).text == "line 98\nline 99\n"


def test_it_is_empty_where_there_is_no_log(tmp_path: Path) -> None:
    assert logs.size(tmp_path / "none") == 0
    assert logs.tail(tmp_path / "none").text == ""
