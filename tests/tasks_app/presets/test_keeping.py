from typing import Any

import pytest

from tasks_app.models import Preset, StaleState
from tasks_app.presets.document import PresetDocument
from tasks_app.presets.keeping import free_name, keep, keep_all, replace
from tasks_app.problems import SpecError
from tests.factories import make_preset

pytestmark = pytest.mark.django_db


def document(name: str = "ours", **changes: Any) -> PresetDocument:
    data = {"name": name, "base_runtime": "llamacpp", "parameters": {"threads": [1]}}
    return PresetDocument.from_data(data | changes)


def test_it_keeps_what_was_written() -> None:
    row = keep(document(description="for us"), None)
    assert (row.name, row.description, row.parameters) == ("ours", "for us", {"threads": [1]})


@pytest.mark.parametrize("name", ["ours", "quick look"])
def test_it_refuses_a_name_that_is_taken_and_suggests_one(name: str) -> None:
    make_preset("ours")
    with pytest.raises(SpecError, match=r"already \('.* \(2\)' is free\)"):
        keep(document(name), None)


def test_it_takes_the_same_name_for_another_runtime() -> None:
    make_preset("ours", base_runtime="vllm")
    assert keep(document("ours"), None).pk


def test_it_finds_the_first_free_name() -> None:
    assert free_name("a", ["a", "a (2)", "a (4)"]) == "a (3)"
    assert free_name("a (2)", ["a", "a (2)"]) == "a (3)"
    assert len(free_name("n" * 100, ["n" * 100])) == 100


def test_it_replaces_what_was_read() -> None:
    row = make_preset()
    replace(row, document("renamed"), seen=row.updated_at)
    stored = Preset.objects.get()
    assert (stored.name, stored.fixed_parameters, stored.notes) == ("renamed", {}, {})
    assert stored.updated_at > stored.created_at


def test_it_does_not_replace_what_another_changed() -> None:
    row = make_preset()
    seen = row.updated_at
    replace(row, document("theirs"), seen=seen)
    with pytest.raises(StaleState):
        replace(row, document("mine"), seen=seen)
    assert Preset.objects.get().name == "theirs"


def test_it_does_not_bring_a_deleted_one_back() -> None:
    row = make_preset()
    Preset.objects.all().delete()
    with pytest.raises(StaleState):
        replace(row, document(), seen=row.updated_at)


def test_it_imports_all_or_nothing() -> None:
    make_preset("b")
    with pytest.raises(SpecError) as caught:
        keep_all([document("a"), document("b")], None, "refuse")
    assert [problem.path for problem in caught.value.problems] == ["presets[1].name"]
    assert Preset.objects.count() == 1


def test_it_imports_under_free_names() -> None:
    make_preset("ours")
    rows, notes = keep_all([document(), document(), document("latency")], None, "rename")
    assert [row.name for row in rows] == ["ours (2)", "ours (3)", "latency (2)"]
    assert len(notes) == 3


def test_it_replaces_own_ones_only() -> None:
    row = make_preset("ours")
    rows, _ = keep_all([document()], None, "replace")
    assert rows == [row]
    assert Preset.objects.get().parameters == {"threads": [1]}
    with pytest.raises(SpecError):
        keep_all([document("latency")], None, "replace")


def test_it_does_not_replace_one_import_by_the_next() -> None:
    with pytest.raises(SpecError):
        keep_all([document(), document()], None, "refuse")
    assert not Preset.objects.exists()
