from typing import Any

import pytest

from tasks_app.presets.document import check_preset
from tasks_app.problems import SpecError
from tasks_app.runtimes import RuntimeCatalogue

Data = dict[str, Any]


@pytest.fixture
def data() -> Data:
    return {
        "name": "ours",
        "base_runtime": "llamacpp",
        "parameters": {"parallel": [1, 8]},
        "fixed_parameters": {"ctx-size": 4096},
        "notes": {"parallel": "few users"},
    }


def places(data: object, catalogue: RuntimeCatalogue) -> list[str]:
    with pytest.raises(SpecError) as caught:
        check_preset(data, catalogue=catalogue)
    return [problem.path for problem in caught.value.problems]


def test_it_gives_back_what_was_written(data: Data, catalogue: RuntimeCatalogue) -> None:
    preset, warnings = check_preset(data, catalogue=catalogue)
    assert preset.to_data() == data | {"description": ""}
    assert warnings == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"base_runtime": "vlm"}, "base_runtime"),
        ({"parameters": {"paralel": [1]}, "notes": {}}, "parameters.paralel"),
        ({"parameters": {"parallel": [0]}, "notes": {}}, "parameters.parallel[0]"),
        ({"parameters": {"ctx-size": [1, 2]}, "notes": {}}, "fixed_parameters.ctx-size"),
        ({"parameters": {}, "fixed_parameters": {}, "notes": {}}, "parameters"),
        ({"parameters": ["parallel"]}, "parameters"),
        ({"notes": {"threads": "why"}}, "notes.threads"),
        ({"notes": {"parallel": 5}}, "notes.parallel"),
        ({"note": {}}, "note"),
    ],
)
def test_it_names_the_place_of_what_is_wrong(
    data: Data, catalogue: RuntimeCatalogue, changes: Data, place: str
) -> None:
    assert place in places(data | changes, catalogue)


def test_it_tells_everything_at_once(data: Data, catalogue: RuntimeCatalogue) -> None:
    wrong = data | {"name": "", "parameters": {"parallel": [0], "paralel": [1]}}
    assert places(wrong, catalogue) == ["name", "parameters.parallel[0]", "parameters.paralel"]


def test_it_knows_a_task_file(data: Data, catalogue: RuntimeCatalogue) -> None:
    with pytest.raises(SpecError, match="Save as preset"):
        check_preset(data | {"task_name": "t"}, catalogue=catalogue)


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_it_refuses_what_is_no_mapping(data: object, catalogue: RuntimeCatalogue) -> None:
    assert places(data, catalogue) == [""]
