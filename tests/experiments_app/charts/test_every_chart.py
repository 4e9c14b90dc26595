"""What every chart must keep, whatever the run is like."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from experiments_app.charts.draw import Chart, draw
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.registry import CHARTS, ChartType
from experiments_app.charts.source import ChartSource
from tasks_app.models import Task
from tests.chart_factories import run_of
from tests.factories import failed_task, infeasible_task, make_task, pruned_task, searched_task

pytestmark = pytest.mark.django_db
SVG = "{http://www.w3.org/2000/svg}"
MAX_BYTES = 400_000
COLOUR = re.compile(r"none|transparent|var\(--[\w-]+\)")
LONG = "a-very-long-flag-name-that-nobody-would-ever-want-to-type-by-hand"

RUNS: dict[str, dict[str, Any]] = {
    "one": {"count": 1, "failing": 0, "infeasible": 0},
    "three": {"count": 3, "failing": 0, "infeasible": 0},
    "thirteen": {"count": 13},
    "repeats": {"count": 13, "repeats": 3},
    "scenarios": {
        "count": 13,
        "benchmark": {"traffic_scenarios": ["D(100,50)", "D(900,9)"], "num_concurrency": [1, 64]},
    },
    "two hundred": {"count": 200},
    "two thousand": {"count": 2000},
    "one value": {"count": 13, "parameters": {"threads": [4]}},
    "huge": {"count": 13, "scale": 1e12},
    "tiny": {"count": 13, "scale": 1e-9},
    "zero": {"count": 13, "scale": 0.0},
    "minimised": {"count": 30, "optimization": {"objective": "minimize_ttft"}},
    "two objectives": {"count": 30, "optimization": {"objectives": ["throughput", "ttft_p99"]}},
    "three objectives": {
        "count": 30,
        "optimization": {"objectives": ["throughput", "ttft_p99", "tpot_mean"]},
    },
    "names": {
        "count": 30,
        "parameters": {LONG: ["<script>alert(1)</script>", "שלום עולם", "x" * 200], "b": [1, None]},
    },
    "many parameters": {"count": 60, "parameters": {f"flag-{n}": [1, 2, 3] for n in range(30)}},
}


NARROW = {
    "three",
    "two objectives",
    "three objectives",
    "scenarios",
    "two thousand",
    "names",
    "many parameters",
}


@pytest.fixture(params=list(CHARTS))
def chart_type(request: pytest.FixtureRequest) -> ChartType:
    return CHARTS[request.param]


@pytest.mark.parametrize("make", [pruned_task, searched_task])
def test_it_draws_runs_with_experiments_that_were_measured_at_different_loads(
    make: Callable[[], Task],
) -> None:
    source = ChartSource.load(make())
    for chart_type in CHARTS.values():
        chart = chart_type.build(source, ChartOptions())
        assert chart.description
        if chart.has_content:
            assert draw(chart, chart_type.specify).startswith("<svg")


@pytest.mark.parametrize("run", list(RUNS))
def test_it_draws_every_run(run: str) -> None:
    source = ChartSource.load(run_of(**RUNS[run]))
    for chart_type in CHARTS.values():
        chart = chart_type.build(source, ChartOptions())
        assert chart.title
        assert chart.description
        if chart.has_content:
            check(chart, draw(chart, chart_type.specify))
            if run in NARROW:
                check(chart, draw(chart, chart_type.specify, narrow=True))


def check(chart: Chart, svg: str) -> None:
    assert len(svg.encode()) < MAX_BYTES
    root = ET.fromstring(svg)
    assert root.get("role") == "group"
    assert root.findtext(f"{SVG}title") == chart.title
    assert root.findtext(f"{SVG}desc") == chart.description
    for element in root.iter():
        assert not {"style", "class", "font-family"} & set(element.attrib)
        for name in ("fill", "stroke"):
            assert COLOUR.fullmatch(element.get(name, "none")), element.attrib
        assert "NaN" not in "".join(element.itertext())
    for link in root.iter(f"{SVG}a"):
        assert re.fullmatch(r"/experiments/\d+/", link.attrib["href"])
        assert link[0].findtext(f"{SVG}title") == link[0].get("aria-label")


@pytest.mark.parametrize("make", [failed_task, infeasible_task, make_task])
def test_it_says_why_it_is_empty(make: Any, chart_type: ChartType) -> None:
    chart = chart_type.build(ChartSource.load(make()), ChartOptions())
    if chart_type.name != "levels":  # what misses its SLO was measured all the same
        assert not chart.has_content
    assert chart.description


@pytest.mark.parametrize(
    "options",
    [
        ChartOptions(experiments=(0, 3, 999)),
        ChartOptions(latency="tpot", statistic="p50"),
        ChartOptions(over="time"),
        ChartOptions(x="threads", y="threads"),
        ChartOptions(x="<script>", y="nothing"),
        ChartOptions(x="spill", y="ubatch-size"),
    ],
)
def test_it_takes_every_choice(options: ChartOptions) -> None:
    source = ChartSource.load(run_of(30))
    for chart_type in CHARTS.values():
        if chart_type.choices:
            chart = chart_type.build(source, options)
            assert chart.has_content
            assert "<svg" in draw(chart, chart_type.specify)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_experiments_are_counted_in_whole_numbers(count: int) -> None:
    source = ChartSource.load(run_of(count, failing=0, infeasible=0))
    svg = draw(CHARTS["progress"].build(source, ChartOptions()), CHARTS["progress"].specify)
    numbers = re.findall(r">([\d.]+)</text>", svg)
    assert numbers[:count] == [str(number) for number in range(count)]
