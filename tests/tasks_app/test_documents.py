from pathlib import Path
from typing import Any

import pytest

from tasks_app.documents import MAX_CHARACTERS, DocumentError, load_document, read_text


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: [on, off, yes, no, auto]", {"a": ["on", "off", "yes", "no", "auto"]}),
        ("a: [true, false, null, ~, True]", {"a": [True, False, None, None, True]}),
        ("a: [1, -2, 0.5, 1e-3, .5, 1e3]", {"a": [1, -2, 0.5, 0.001, 0.5, 1000.0]}),
        ("a: [010, 1_000, 1:30, 0x1f]", {"a": ["010", "1_000", "1:30", "0x1f"]}),
        ("a: 2024-01-01", {"a": "2024-01-01"}),
        ("a:\nb: ''", {"a": None, "b": ""}),
        ('a: "4"', {"a": "4"}),
        ("on: 1\n1: 2", {"on": 1, "1": 2}),
        ("a: .inf", {"a": ".inf"}),
        ('{"a": [1, 2.5, "x", null, true]}', {"a": [1, 2.5, "x", None, True]}),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("", None),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
    ],
)
def test_it_reads_plain_data(text: str, data: Any) -> None:
    loaded = load_document(text)
    assert loaded == data
    assert repr(loaded) == repr(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ("x: {a: 1, a: 2}", "line 1: the key 'a' stands twice"),
        ("a: &x [1]\nb: *x", "line 1: anchors and aliases are not read; write the value out"),
        ("b: *x", "line 1: anchors and aliases are not read; write the value out"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: the tag"),
        ("a: !!str 1", "line 1: the tag"),
        ("a: [1", "not valid YAML"),
        ("a: 1\n  b: 2", "line 2: not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ('{"a": 1,\n"b": }', "line 2: not valid JSON"),
        ('{"a": NaN}', "NaN is not a number"),
        ("[" * 100_000, "nested deeper than 20"),
        ("a: " + "[" * 30 + "]" * 30, "nested deeper than 20"),
        ("a: " + "{b: " * 30 + "}" * 30, "nested deeper than 20"),
        ("? [a]\n: 1", "a key must be a plain word"),
        ("a: \x00", "control characters"),
        ("- 1\n" * 30_000, "more than 20,000 values"),
        ('{"a": [' + "1," * 30_000 + "1]}", "more than 20,000 values"),
        ("x" * (MAX_CHARACTERS + 1), "larger than 1,000,000 characters"),
    ],
)
def test_it_refuses_what_is_not_plain_or_too_much(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_document(text)
    assert message in str(caught.value)


def test_it_cannot_be_blown_up_by_aliases() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [*{previous}, *{previous}]\n"
        for previous, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(DocumentError, match="aliases"):
        load_document(bomb)


def test_it_reads_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_document(read_text(path)) == {"a": 1}


def test_it_says_why_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        read_text(tmp_path / "missing.yaml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="not UTF-8"):
        read_text(tmp_path / "binary")
    with pytest.raises(DocumentError, match="directory"):
        read_text(tmp_path)
