"""Prompts kept once, by their hash."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks_app.datasets import storing
from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.files import hash_of, texts_of
from tasks_app.datasets.lengths import summary, token_lengths
from tasks_app.datasets.reading import Row
from tasks_app.datasets.storing import Stored, first_rows, forget, store


def kept(folder: Path, *rows: tuple[Any, Any]) -> Stored:
    numbered = [Row(n, *row) for n, row in enumerate(rows, 1)]
    return store(numbered, folder / "made", folder, keep=lambda stored: None)


def test_the_same_prompts_are_kept_once(tmp_path: Path) -> None:
    first = kept(tmp_path, ("p", "a"), ("q", None))
    second = kept(tmp_path, ("p", "a"), ("q", None))
    other = kept(tmp_path, ("p", "b"), ("q", None))
    assert first.sha256 == second.sha256 != other.sha256
    assert {path.name for path in tmp_path.iterdir()} == {".lock", first.sha256, other.sha256}
    folder = tmp_path / first.sha256
    assert hash_of(folder) == first.sha256
    assert texts_of(folder) == (["p", "q"], ["a", None])
    assert json.loads((folder / "prompts.json").read_text()) == ["p", "q"]
    assert first_rows(folder, 1) == [("p", "a")]


def test_prompts_alone_have_no_file_of_answers(tmp_path: Path) -> None:
    stored = kept(tmp_path, ("p", None), ("q", " "))
    assert stored.answers == 0
    assert texts_of(tmp_path / stored.sha256) == (["p", "q"], [])


def test_what_is_no_prompt_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "MOST_ROWS", 2)
    monkeypatch.setattr(storing, "LONGEST_PROMPT", 5)
    rows = [("p", None), ("", None), (None, None), (7, None), ("\ud800", None), ("long prompt", "")]
    stored = kept(tmp_path, *rows, ("q", None), ("r", None))
    assert stored.rows == 2
    assert list(stored.left_out.values()) == [2, 2, 1, 1]
    assert stored.left_out["whose prompt is no text"] == 2


def test_no_prompt_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No row can be used as a prompt: 1 without a prompt"):
        kept(tmp_path, ("", None))


def test_spoilt_files_are_mended_by_the_same_prompts(tmp_path: Path) -> None:
    stored = kept(tmp_path, ("p", "a"))
    (tmp_path / stored.sha256 / "answers.json").unlink()
    kept(tmp_path, ("p", "a"))
    assert hash_of(tmp_path / stored.sha256) == stored.sha256


def test_files_that_another_needs_stay(tmp_path: Path) -> None:
    stored = kept(tmp_path, ("p", None))
    forget(tmp_path, stored.sha256, lambda: True)
    assert (tmp_path / stored.sha256).exists()
    forget(tmp_path, stored.sha256, lambda: False)
    assert not (tmp_path / stored.sha256).exists()
    forget(tmp_path, "", lambda: False)
    assert tmp_path.exists()


def test_lengths_have_quantiles_and_bars_that_hold_all() -> None:
    found = summary([*range(1, 101), 5_000])
    assert (found["min"], found["p50"], found["max"], found["count"]) == (1, 51, 5_000, 101)
    assert sum(count for *_, count in found["bins"]) == 101
    assert found["bins"][-1][1] == 5_000
    assert len(found["bins"]) <= 20
    assert summary([7])["bins"] == [[7, 7, 1]]


def test_tokens_are_counted_in_some_rows_spread_over_all() -> None:
    asked: list[str] = []

    def count(texts: Any) -> list[int]:
        asked.extend(texts)
        return [len(text) for text in texts]

    found = token_lengths([str(n) for n in range(5_000)], count)
    assert found is not None
    assert found["count"] == len(asked) <= 1_000
    assert {"0", "4995"} <= set(asked)
    assert token_lengths([], count) is None
