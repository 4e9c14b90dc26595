"""What a measurement's figures must be read with, in words."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from experiments_app.confidence.doubts import doubts_of
from experiments_app.confidence.marks import interval_words, marks_of, slo_doubts, too_few
from experiments_app.models import Measurement
from experiments_app.overview import TaskOverview
from experiments_app.results import RunResults
from tests.factories import completed_task
from tests.finals import confirmed_task

CONDITIONS: dict[str, Any] = {
    "intervals": {
        "ttft_mean_s": [0.4, 0.44],
        "ttft_p90_s": [0.45, 0.55],
        "ttft_p99_s": [0.5, None],
        "output_tokens_per_s": [95.0, 105.0],
        "error_rate": [0.0, 0.14],
    },
    "independent_requests": {},
    "steadiness": {"verdict": "trending", "figure": "e2e", "change": 0.12},
    "ramp_up": {"requests": 8, "ttft_ratio": 2.0},
}


def row(**changes: Any) -> Any:
    columns: dict[str, Any] = {
        "num_requests": 24,
        "num_errors": 0,
        "num_cut_off": 0,
        "conditions": CONDITIONS,
    }
    return SimpleNamespace(**columns | changes)


def test_a_row_from_before_anything_was_stored_has_no_marks() -> None:
    assert marks_of(row(conditions={}), {"ttft_p99_s": 0.6}, {"ttft_p99_s": 0.5}) == []


@pytest.mark.parametrize(
    ("interval", "told"),
    [((0.41, 0.53), "0.4100–0.5300"), ((0.41, None), "at least 0.4100"), ((None, 2), "at most 2")],
)
def test_it_tells_an_interval(interval: Any, told: str) -> None:
    assert interval_words(interval).startswith(told)


@pytest.mark.parametrize(
    ("name", "value", "bound", "doubt"),
    [
        ("ttft_p90_s", 0.49, 0.5, "met, but the truth may be as high as 0.5500"),
        ("ttft_p90_s", 0.52, 0.5, "missed, but the truth may be within it"),
        ("ttft_p99_s", 0.55, 0.9, "met, but the truth may be above 0.9"),
        ("ttft_p90_s", 0.49, 0.6, ""),
        ("ttft_p90_s", 0.49, 0.4, ""),
    ],
)
def test_it_is_not_sure_of_an_slo_within_the_interval(
    name: str, value: float, bound: float, doubt: str
) -> None:
    told = list(slo_doubts(row(), {name: value}, {name: bound}))
    assert len(told) == bool(doubt)
    assert doubt in "".join(told)


def test_it_doubts_the_error_rate_only_where_a_request_failed() -> None:
    assert not list(slo_doubts(row(), {}, {"error_rate": 0.01}))
    assert list(slo_doubts(row(num_errors=1), {}, {"error_rate": 0.05}))


def test_it_says_how_many_requests_a_percentile_needs() -> None:
    assert too_few(row(), "ttft_p99_s") == (
        "at least 299 requests are needed for a 95% bound on p99; 24 were answered"
    )
    assert too_few(row(), "ttft_p90_s") == too_few(row(), "ttft_mean_s") == ""
    dependent = {**CONDITIONS, "independent_requests": {"ttft_p99_s": 120}}
    told = too_few(row(num_requests=320, conditions=dependent), "ttft_p99_s")
    assert "depend on each other and are worth 120" in told


@pytest.mark.django_db
def test_the_page_shows_intervals_and_marks(browser: Client) -> None:
    task = completed_task(slo={"ttft_p99_s": 0.9})
    best = task.experiments.get(number=10)
    text = shown(browser, best.pk)
    assert "95% intervals" not in text
    best.measurements.update(conditions=CONDITIONS, num_cut_off=3)
    text = shown(browser, best.pk)
    assert 'title="95%: 95.00–105.0"' in text
    assert "<strong>not steady</strong>, the mean E2E latency rises by 12%" in text
    assert "<strong>cut off</strong>, 3 of 24 answers have another length" in text
    assert "<strong>SLO not sure</strong>, TTFT p99 at most 0.9 s: met, but" in text
    assert "at least 299 requests are needed" in text
    assert "waited 2.0 times as long" in text


@pytest.mark.django_db
def test_the_results_carry_intervals_and_doubts() -> None:
    task = completed_task()
    best = task.experiments.get(number=10)
    assert doubts_of([best]) == ()
    Measurement.objects.filter(experiment=best).update(conditions=CONDITIONS, num_cut_off=3)
    results = RunResults(task)
    assert "; but answers were cut off" in results.verdict
    assert "; but the load was not steady at some level of #10" in results.verdict
    (found,) = (e for e in results.to_data()["experiments"] if e["number"] == 10)
    measured = found["measurements"][0]
    assert measured["intervals"]["output_tokens_per_s"] == [95.0, 105.0]
    assert measured["conditions"]["steadiness"]["verdict"] == "trending"
    assert "intervals" not in measured["conditions"]


@pytest.mark.django_db
def test_the_verdict_names_every_contender_that_was_disturbed() -> None:
    """Also the one that lost: it may have lost for that."""
    task = confirmed_task()
    counted = Measurement.objects.filter(experiment__task=task, counts=True)
    counted.filter(experiment__number__in=(0, 4), repeat=2).update(conditions={"disturbed": True})
    Measurement.objects.filter(experiment__task=task, experiment__number=5).update(
        conditions={"disturbed": True}  # it is no contender
    )
    told = "something else on this machine disturbed some level of #4 and the default"
    assert RunResults(task).verdict.endswith(f"; but {told}")
    assert [str(doubt) for doubt in TaskOverview.load(task).doubts] == [told]


def shown(browser: Client, pk: int) -> str:
    response: Any = browser.get(f"/experiments/{pk}/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())
