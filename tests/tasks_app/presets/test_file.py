import json

import pytest

from tasks_app.presets import all_presets, presets_for
from tasks_app.presets.file import MAX_PRESETS, dump_presets, load_presets
from tasks_app.problems import SpecError
from tasks_app.runtimes import RuntimeCatalogue

ONE = "name: a\nbase_runtime: llamacpp\nparameters: {threads: [1, 2]}\n"


def places(text: str, catalogue: RuntimeCatalogue) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load_presets(text, catalogue=catalogue)
    return [problem.path for problem in caught.value.problems]


@pytest.mark.parametrize("text", [ONE, json.dumps({
    "name": "a", "base_runtime": "llamacpp", "parameters": {"threads": [1, 2]},
})])  # fmt: skip
def test_it_reads_yaml_and_json(text: str, catalogue: RuntimeCatalogue) -> None:
    (preset,), _ = load_presets(text, catalogue=catalogue)
    assert (preset.name, preset.to_data()["parameters"]) == ("a", {"threads": [1, 2]})


@pytest.mark.django_db
def test_it_reads_back_all_that_it_writes(catalogue: RuntimeCatalogue) -> None:
    presets = all_presets()
    read, warnings = load_presets(dump_presets(presets), catalogue=catalogue)
    assert [document.to_data() for document in read] == [
        {"fixed_parameters": {}} | preset.to_data() for preset in presets
    ]
    assert warnings == []


@pytest.mark.django_db
def test_it_writes_one_preset_without_a_list() -> None:
    assert dump_presets(presets_for("vllm")[:1]).startswith("name: quick look\n")


@pytest.mark.parametrize("text", ["", "# nothing", "presets: []", "[]", "presets: {}"])
def test_it_says_that_there_is_none(text: str, catalogue: RuntimeCatalogue) -> None:
    assert places(text, catalogue) in ([""], ["presets"])


def test_it_says_which_of_several_is_wrong(catalogue: RuntimeCatalogue) -> None:
    text = "presets:\n- {name: a, base_runtime: vllm, parameters: {max-num-seqs: [0]}}\n- 5\n"
    assert places(text, catalogue) == ["presets[0].parameters.max-num-seqs[0]", "presets[1]"]


@pytest.mark.parametrize(
    "text",
    [
        "name: &a x\nbase_runtime: *a",
        "!!python/object/apply:os.system [ls]",
        "[" * 200,
        "x" * 1_000_001,
        "presets: [" + "{}," * (MAX_PRESETS + 1) + "]",
        "name: a\x00",
    ],
    ids=["alias", "tag", "deep", "long", "many", "control"],
)
def test_it_refuses_what_would_do_harm(text: str, catalogue: RuntimeCatalogue) -> None:
    assert len(places(text, catalogue)) == 1
