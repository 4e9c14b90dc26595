import pytest

from tasks_app.documents import DocumentError
from tasks_app.presets import PresetInfo
from tasks_app.presets.notes import read_notes, write_notes
from tasks_app.presets.shipped import shipped_presets


def test_it_reads_a_reason_for_each_flag() -> None:
    text = "threads: 8 cores: all of them\n\nparallel :few\n  users\n\n  at night\n"
    assert read_notes(text) == {
        "threads": "8 cores: all of them", "parallel": "few\nusers\n\nat night",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["why not", "  indented", "a: x\na: y", ": no name"])
def test_it_refuses_a_line_that_names_no_flag(text: str) -> None:
    with pytest.raises(DocumentError, match="line"):
        read_notes(text)


@pytest.mark.parametrize("preset", shipped_presets(), ids=lambda preset: preset.key)
def test_it_reads_what_it_wrote(preset: PresetInfo) -> None:
    notes = preset.notes
    assert read_notes(write_notes(notes)) == notes


def test_it_keeps_the_lines_of_a_reason() -> None:
    notes = {"threads": "first\n\nparallel: not a flag here", "poll": "'quoted' [x"}
    assert read_notes(write_notes(notes)) == notes


def test_it_reads_nothing_from_nothing() -> None:
    assert read_notes(" \n\n") == {}
