"""What is read out of each kind of file, and what a broken one is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.reading import Format, Kind, look_at, rows_of

TALK = {
    "conversations": [
        {"from": "system", "value": "Be short."},
        {"from": "human", "value": "Why?"},
        {"from": "gpt", "value": "Because."},
        {"from": "human", "value": "And then?"},
        {"from": "gpt", "value": "Nothing."},
    ]
}
CHAT = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url"}]},
        {"role": "assistant", "content": "Because."},
    ]
}


def written(folder: Path, content: bytes | str, name: str = "x.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, *columns: str, turns: Kind = Kind.FIRST, given: Format | None = None) -> Any:
    look = look_at(path, path.name, given)
    names = columns or (look.prompt_column, "")
    prompt, answer = (*names, "")[:2]
    rows = rows_of(path, look.format, prompt, answer, turns)
    return look.format, [(row.prompt, row.answer) for row in rows]


@pytest.mark.parametrize(
    ("name", "content", "columns", "expected"),
    [
        ("a.txt", "one\r\n\ntwo", (), ("text", [("one", None), ("", None), ("two", None)])),
        ("a.jsonl", '{"prompt": "p"}\n\n{"prompt": "q"}', (),
         ("jsonl", [("p", None), ("q", None)])),
        ("a.json", '[{"q": "p", "a": "b"},\n {"q": "r"}]', ("q", "a"),
         ("jsonl", [("p", "b"), ("r", None)])),
        ("a.json", '["p", "q"]', (), ("jsonl", [("p", None), ("q", None)])),
        ("a.csv", 'q,a\n"x, y",b\n"two\nlines",c\n', ("q", "a"),
         ("csv", [("x, y", "b"), ("two\nlines", "c")])),
        ("a.csv", "\ufeffq;a\nx;y\n", ("q", "a"), ("csv", [("x", "y")])),
        ("a.tsv", "q\ta\nx\ty\n", ("q",), ("csv", [("x", None)])),
        ("a.json", json.dumps([TALK]), (), ("sharegpt", [("Why?", "Because.")])),
        ("a.jsonl", json.dumps(CHAT), (), ("sharegpt", [("Why?", "Because.")])),
    ],
)  # fmt: skip
def test_a_file_is_read_as_what_it_is(
    tmp_path: Path, name: str, content: str, columns: tuple[str, ...], expected: Any
) -> None:
    assert read(written(tmp_path, content, name), *columns) == expected


def test_every_turn_of_a_human_can_be_a_prompt(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps([TALK]))
    _, rows = read(path, turns=Kind.ALL)
    assert rows == [("Why?", "Because."), ("And then?", "Nothing.")]


def test_a_conversation_in_which_no_human_asks_gives_no_prompt(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"conversations": [{"from": "gpt", "value": "Hello"}]}))
    assert read(path) == ("sharegpt", [(None, None)])


def test_columns_with_text_are_offered_and_common_names_guessed(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": 1, "Question": "q", "answer": "a", "empty": ""}')
    look = look_at(path, path.name)
    assert look.columns == {"Question": ["q"], "answer": ["a"]}
    assert look.prompt_column == ""
    assert look.guess(("prompt", "question")) == "Question"


def test_a_long_list_is_read_element_by_element(tmp_path: Path) -> None:
    items = [{"prompt": f"{n} " + "wörter " * 2_000} for n in range(200)]
    path = written(tmp_path, json.dumps(items, indent=1, ensure_ascii=False), "x.json")
    assert path.stat().st_size > 2_500_000  # several chunks, cut inside of characters too
    _, rows = read(path)
    assert [prompt for prompt, _ in rows] == [item["prompt"] for item in items]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": "\xff"}\n', "Line 2 is not UTF-8 .byte 0xff"),
        ("a.json", b'[{"p": "x"},\n{"p": "\xff"}]', "Line 2 is not UTF-8"),
        ("a.jsonl", '{"p": "x"}\n{"p": \n', "Line 2 is no JSON"),
        ("a.json", '[{"p": "x"},\n{"p": }]', "Line 2: no JSON"),
        ("a.json", '[{"p": "x"}\n', "Line 2: the list does not end"),
        ("a.json", '[{"p": "x"}\n {"p": "y"}]', "Line 2: ',' is missing"),
        ("a.json", "[1, 2]", "Line 1 is no object"),
        ("a.jsonl", "{" * 100_000, "Line 1"),
        ("a.jsonl", "[" * 100_000, "nested too deeply"),
        ("a.json", "[]", "no row"),
        ("a.jsonl", "  \n", "nothing in the file"),
        ("a.jsonl", "hello", "no JSON"),
        ("a.jsonl", '{"n": 1}', "No column"),
        ("a.csv", "a,a\n1,2\n", "column 'a' twice"),
        ("a.csv", "a,b\n1,2,3\n", "Line 2 has 3 fields"),
        ("a.csv", 'a\n"not closed\n', "Line 2"),
        ("a.csv", 'a\n"' + "x" * 200_000 + '"', "field larger"),
        ("a.bin", b"\x7fELF\0\0\0", "no text"),
        ("a.parquet", b"PAR1....", "Parquet"),
        ("a.txt", "<!DOCTYPE html><html>sign in", "web page"),
    ],
)
def test_a_broken_file_is_told_with_its_line(
    tmp_path: Path, name: str, content: bytes | str, why: str
) -> None:
    with pytest.raises(DatasetError, match=why):
        read(written(tmp_path, content, name))


@pytest.mark.parametrize("columns", [2_000, 500_000])
def test_a_csv_with_more_columns_than_anybody_has_is_refused(tmp_path: Path, columns: int) -> None:
    path = written(tmp_path, ",".join(f"c{n}" for n in range(columns)) + "\n", "a.csv")
    with pytest.raises(DatasetError, match="Line 1"):
        read(path)


def test_a_billion_columns_are_not_even_read(tmp_path: Path) -> None:
    """Sparse: the file says that it has a billion characters, none of which is a line's end."""
    path = written(tmp_path, "a,", "a.csv")
    with path.open("r+b") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(DatasetError, match="no text"):
        read(path)
    with pytest.raises(DatasetError, match="Line 1 is longer than 1 MiB"):
        read(path, "a", given=Format.CSV)


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, '{"prompt": "' + "x" * 9_000_000 + '"}')
    with pytest.raises(DatasetError, match="Line 1 is longer than 8 MiB"):
        read(path)


def test_an_unknown_column_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    path = written(tmp_path, "q,a\nx,y\n", "a.csv")
    with pytest.raises(DatasetError, match="no column 'prompt'; there are q, a"):
        read(path, "prompt", "")
