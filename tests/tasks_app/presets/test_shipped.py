"""The presets that come with the product, each against its engine's catalogue."""

import pytest

from tasks_app.presets import PresetInfo
from tasks_app.presets.document import check_preset
from tasks_app.presets.shipped import DIRECTORY, ORDER, read_shipped, shipped_presets
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import validate_spec

RUNTIMES = ("llamacpp", "sglang", "vllm")


@pytest.fixture(params=[preset.key for preset in shipped_presets()])
def preset(request: pytest.FixtureRequest) -> PresetInfo:
    return next(preset for preset in shipped_presets() if preset.key == request.param)


def test_it_ships_four_for_each_engine() -> None:
    assert [preset.key for preset in shipped_presets()] == [
        f"shipped:{runtime}:{name}" for runtime in RUNTIMES for name in ORDER
    ]


def test_it_makes_a_task_without_a_complaint(
    preset: PresetInfo, catalogue: RuntimeCatalogue
) -> None:
    document = {
        "task_name": preset.name,
        "base_runtime": preset.base_runtime,
        "model": {"id_or_path": "org/small"},
        "parameters": dict(preset.parameters),
        "fixed_parameters": dict(preset.fixed_parameters),
    }
    spec, warnings = validate_spec(document, catalogue=catalogue)
    assert warnings == []
    assert spec.search_space().size() == preset.size


def test_it_passes_as_a_preset_of_ones_own(preset: PresetInfo, catalogue: RuntimeCatalogue) -> None:
    checked, warnings = check_preset(preset.to_data(), catalogue=catalogue)
    assert warnings == []
    assert checked.parameters


def test_it_explains_every_flag(preset: PresetInfo) -> None:
    assert set(preset.notes) == {flag.name for flag in preset.flags}
    assert all(len(flag.note) > 40 for flag in preset.flags)


def test_it_keeps_to_a_size_that_can_be_measured(preset: PresetInfo) -> None:
    assert preset.size is not None
    assert preset.size <= (12 if preset.name == "quick look" else 300)
    assert f"{preset.size} " in preset.description.replace(".", " ")


def test_it_leaves_the_baseline_alone(preset: PresetInfo) -> None:
    """What is fixed would be set in the baseline too, which is to be the engine's own defaults."""
    assert preset.fixed_parameters == {}


def test_it_lies_where_its_runtime_says() -> None:
    for file in DIRECTORY.glob("*/*.yaml"):
        assert read_shipped(file).base_runtime == file.parent.name
