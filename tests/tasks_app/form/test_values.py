from typing import Any

import pytest

from tasks_app.documents import DocumentError
from tasks_app.form.values import (
    read_percent,
    read_seconds,
    read_value,
    read_values,
    write_percent,
    write_value,
    write_values,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 2, 4", [1, 2, 4]),
        ("0.5,1e-3,-1", [0.5, 0.001, -1]),
        ("true, false, null", [True, False, None]),
        ("on, off, auto", ["on", "off", "auto"]),
        ('"1", \'true\', "a, b"', ["1", "true", "a, b"]),
        ('{"method": "ngram", "n": [1, 2]}, none', ['{"method": "ngram", "n": [1, 2]}', "none"]),
        (" , 1,, ", [1]),
        ("it's, x", ["it's", "x"]),
        ("", []),
    ],
)
def test_it_reads_a_list_as_it_is_typed(text: str, values: list[Any]) -> None:
    read = read_values(text)
    assert read == values
    assert list(map(type, read)) == list(map(type, values))


@pytest.mark.parametrize(
    "value",
    [
        1, -7, 2**62, 0.1, 1e-05, 1e16, True, False, None, "on", "1", "1.0", "true", "null", "~",
        "a, b", "(a", "a)", '"', "'", " x ", "a\\", '{"a": 1, "b": "c, d"}', "مرحبا", "é",
        "\u200f", "", "x" * 4000, "[", "]", '["', "a\nb",
    ],
)  # fmt: skip
def test_it_gives_every_value_back_with_its_type(value: Any) -> None:
    for read in (read_value(write_value(value)), read_values(write_values([0, value, 0]))[1]):
        assert read == value
        assert type(read) is type(value)


@pytest.mark.parametrize("text", ['"a', "'", '"\\"', '"\\x"'])
def test_it_says_that_a_quote_has_no_end(text: str) -> None:
    with pytest.raises(DocumentError, match="quote"):
        read_value(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0.5", 0.5), ("0.5 s", 0.5), ("500 ms", 0.5), ("500MS", 0.5), ("5", 5), ("2 min", 120)],
)
def test_it_takes_a_bound_in_the_unit_at_hand(text: str, seconds: float) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "fast", "5 hours", "1,5", "9" * 50, "-1", "ms"])
def test_it_passes_on_what_is_no_bound(text: str) -> None:
    assert read_seconds(text) == text


@pytest.mark.parametrize(("text", "share"), [("1", 0.01), ("0.1 %", 0.001), ("100%", 1), ("0", 0)])
def test_it_takes_a_share_in_percent(text: str, share: float) -> None:
    assert read_percent(text) == share


@pytest.mark.parametrize("share", [0.0, 0.01, 0.07, 0.001, 1.0, 0.29, 1e-7])
def test_it_gives_a_share_back_exactly(share: float) -> None:
    assert read_percent(write_percent(share)) == share
