import copy
from typing import Any

import pytest

from tasks_app.presets import PresetInfo, Setting, merge
from tasks_app.problems import SpecError


def preset(**changes: Any) -> PresetInfo:
    fields: dict[str, Any] = {
        "key": "own:1",
        "base_runtime": "llamacpp",
        "name": "mine",
        "parameters": {"parallel": [1, 8], "threads": [2, 4]},
        "fixed_parameters": {"ctx-size": 4096},
    }
    return PresetInfo(**(fields | changes))


def document(**changes: Any) -> dict[str, Any]:
    return {"task_name": "t", "base_runtime": "llamacpp", "parameters": {}} | changes


def test_it_adds_what_is_not_there() -> None:
    merged = merge(document(parameters={"poll": [0, 50]}), preset())
    assert merged.added == ("parallel", "threads", "ctx-size")
    assert merged.document["parameters"] == {
        "poll": [0, 50], "parallel": [1, 8], "threads": [2, 4],
    }  # fmt: skip
    assert merged.document["fixed_parameters"] == {"ctx-size": 4096}
    assert merged.conflicts == ()


def test_it_leaves_the_given_documents_alone() -> None:
    mine, theirs = document(parameters={"parallel": [1]}), preset()
    before = copy.deepcopy((mine, theirs))
    merged = merge(mine, theirs)
    merged.document["parameters"]["threads"].append(99)
    assert (mine, theirs) == before


def test_it_keeps_everything_else() -> None:
    mine = document(slo={"ttft_p90_s": 1.0}, constraints=["threads < 4"])
    merged = merge(mine, preset()).document
    assert {key: merged[key] for key in mine if key != "parameters"} == {
        key: mine[key] for key in mine if key != "parameters"
    }


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([1, 8], [8, 1]),
        ([1, 2.0], [1.0, 2]),
        ({"low": 1, "high": 8}, {"low": 1, "high": 8, "log": False}),
    ],
)
def test_it_knows_the_same_values_in_other_words(mine: Any, theirs: Any) -> None:
    merged = merge(
        document(parameters={"parallel": mine}),
        preset(parameters={"parallel": theirs}, fixed_parameters={}),
    )
    assert (merged.added, merged.same, merged.conflicts) == ((), ("parallel",), ())
    assert merged.document["parameters"] == {"parallel": mine}


def test_it_does_not_take_true_for_1() -> None:
    merged = merge(
        document(fixed_parameters={"kv-unified": 1}),
        preset(parameters={}, fixed_parameters={"kv-unified": True}),
    )
    assert [conflict.flag for conflict in merged.conflicts] == ["kv-unified"]


def test_it_shows_both_sides_of_a_conflict_and_takes_the_presets() -> None:
    merged = merge(document(parameters={"parallel": [2]}), preset())
    (conflict,) = merged.conflicts
    assert conflict.flag == "parallel"
    assert conflict.mine == Setting("parameters", [2])
    assert conflict.theirs == Setting("parameters", [1, 8])
    assert conflict.chosen == "preset"
    assert merged.document["parameters"]["parallel"] == [1, 8]


def test_it_keeps_mine_where_that_is_preferred() -> None:
    merged = merge(document(parameters={"parallel": [2]}), preset(), prefer="mine")
    assert merged.document["parameters"]["parallel"] == [2]
    assert merged.document["parameters"]["threads"] == [2, 4]


def test_it_follows_the_choice_for_each_flag() -> None:
    mine = document(parameters={"parallel": [2], "threads": [1]})
    merged = merge(mine, preset(), prefer="mine", choices={"threads": "preset"})
    assert merged.document["parameters"] == {"parallel": [2], "threads": [2, 4]}
    assert {c.flag: c.chosen for c in merged.conflicts} == {"parallel": "mine", "threads": "preset"}


@pytest.mark.parametrize("prefer", ["mine", "preset"])
def test_it_never_searches_and_fixes_the_same_flag(prefer: Any) -> None:
    mine = document(parameters={"ctx-size": [2048, 8192]}, fixed_parameters={"threads": 1})
    merged = merge(mine, preset(), prefer=prefer)
    assert [c.flag for c in merged.conflicts] == ["threads", "ctx-size"]
    searched, fixed = merged.document["parameters"], merged.document["fixed_parameters"]
    assert not searched.keys() & fixed.keys()
    assert fixed == ({"threads": 1} if prefer == "mine" else {"ctx-size": 4096})


def test_it_gives_an_empty_document_the_presets_runtime() -> None:
    assert merge({}, preset()).document["base_runtime"] == "llamacpp"


def test_it_refuses_another_runtime() -> None:
    with pytest.raises(SpecError) as caught:
        merge(document(base_runtime="vllm"), preset())
    assert [p.path for p in caught.value.problems] == ["base_runtime"]


def test_it_refuses_flags_that_cannot_be_read() -> None:
    with pytest.raises(SpecError) as caught:
        merge(document(parameters=["parallel"]), preset())
    assert [p.path for p in caught.value.problems] == ["parameters"]
