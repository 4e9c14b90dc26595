import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tasks_app.presets import all_presets, find_preset, presets_for
from tests.factories import make_preset

pytestmark = pytest.mark.django_db


def test_it_lists_the_shipped_ones_first_and_then_those_of_the_site() -> None:
    make_preset("b")
    make_preset("a")
    make_preset("of another", base_runtime="vllm")
    assert [preset.name for preset in presets_for("llamacpp")] == [
        "quick look", "latency", "throughput", "memory", "a", "b",
    ]  # fmt: skip


def test_it_finds_each_by_its_key() -> None:
    make_preset()
    for preset in all_presets():
        assert find_preset(preset.key) == preset


@pytest.mark.parametrize(
    "key", ["", "own", "own:", "own:-1", "own:²", "own:99", "own:" + "9" * 40, "shipped:vllm:no"]
)
def test_it_finds_nothing_for_a_key_that_is_none(key: str) -> None:
    assert find_preset(key) is None


def test_it_asks_the_database_once() -> None:
    for number in range(5):
        make_preset(f"preset {number}")
    with CaptureQueriesContext(connection) as queries:
        assert len(presets_for("llamacpp")) == 9
    assert len(queries) == 1
