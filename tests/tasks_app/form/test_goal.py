"""The parts of the task form about answers, cost and energy."""

import pytest

from tasks_app.form.document import field_for_all, through_form
from tasks_app.form.objectives import lines_of

DOCUMENTS = (
    {"quality": {"check": True, "prompts": 8, "max_tokens": 32, "min_token_agreement": 0.25}},
    {"quality": {"check": False, "min_exact_match": 0.5, "max_logprob_distance": 0.05}},
    {"quality": {"min_token_agreement": 0}},
    {"cost": {"price_per_device_hour": 2.5, "currency": "EUR"}},
    {"slo": {"ttft_p99_s": 0.5, "cost_per_million_tokens": 1.5, "joules_per_token": 2}},
    {"optimization": {"objective": "minimize_cost"}},
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_holds_them_as_they_are(document: dict[str, object]) -> None:
    assert through_form(document) == document
    assert field_for_all(document)


def test_cost_and_energy_are_among_several_objectives() -> None:
    boxes = {box.name: box.is_checked for box in lines_of("throughput, energy")[0].boxes}
    assert boxes == {"throughput": True, "goodput": False, "cost": False, "energy": True}
