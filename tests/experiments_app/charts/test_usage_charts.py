from xml.etree import ElementTree as ET

import pytest

from experiments_app.charts import draw_usage
from experiments_app.charts.draw_usage import draw_panel
from experiments_app.charts.usage import drawn_panels, usage_panels, usage_rows
from experiments_app.usage_file import Summary, Usage

SVG = "{http://www.w3.org/2000/svg}"
GIB = 2.0**30


def usage(count: int = 40, gpus: int = 0) -> Usage:
    columns: dict[str, tuple[float | None, ...]] = {
        "cpu_cores": (None, *(1.0 + n % 3 for n in range(1, count))),
        "memory_bytes": (GIB,) * count,
    }
    for gpu in range(gpus):
        columns[f"gpu_percent:GPU-{gpu}"] = (90.0 + gpu,) * count
        columns[f"gpu_power_w:GPU-{gpu}"] = (400.0,) * count
    phases = ("starting",) * (count // 2) + ("measuring",) * (count - count // 2)
    return Usage(tuple(map(float, range(count))), phases, columns)


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_cpu_server_has_cores_and_memory() -> None:
    cores, memory = usage_panels(usage(), {})
    assert (cores.title, cores.unit, cores.measuring) == ("Processor cores", "cores", (20.0, 39.0))
    assert memory.lines[0].values[0] == 1.0
    assert memory.lines[0].summary == Summary(1.0, 1.0)
    assert drawn_panels((cores, memory)) == (cores, memory)


def test_of_a_server_on_gpus_the_gpus_are_drawn_and_all_has_figures() -> None:
    panels = usage_panels(usage(gpus=2), {"GPU-0": "GPU 0", "GPU-1": "GPU 1"})
    drawn = drawn_panels(panels)
    assert [panel.title for panel in drawn] == ["GPU utilisation", "GPU power"]
    assert [line.name for line in drawn[0].lines] == ["GPU 0", "GPU 1"]
    rows = usage_rows(panels)
    assert [(row.title, row.devices) for row in rows] == [
        ("GPU utilisation", 2), ("GPU power", 2), ("Processor cores", 1), ("Memory", 1),
    ]  # fmt: skip
    assert (rows[0].mean, rows[0].highest) == (90.5, 91.0)


def test_nothing_sampled_is_nothing_shown() -> None:
    assert usage_panels(Usage(), {}) == ()


def test_it_says_in_words_what_it_shows() -> None:
    [_, memory] = usage_panels(usage(), {})
    assert memory.description == (
        "Memory over 39 s. While measuring, 1.000 GiB on average and at most 1.000."
    )
    early = Usage((0.0, 1.0), ("starting",) * 2, {"memory_bytes": (GIB, GIB)})
    [panel] = usage_panels(early, {})
    assert panel.description == "Memory over 1 s; nothing has been measured yet."


def test_it_shades_the_measurement_and_names_the_axes() -> None:
    svg = draw_panel(usage_panels(usage(), {})[0])
    root = ET.fromstring(svg)
    fills = [path.get("fill") for path in root.iter(f"{SVG}path")]
    assert "var(--accent-soft)" in fills
    assert {"cores", "Seconds since the start"} <= set(texts(svg))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Processor cores"


def test_each_gpu_has_a_line_and_a_name() -> None:
    svg = draw_panel(usage_panels(usage(gpus=8), {f"GPU-{n}": f"GPU {n}" for n in range(8)})[0])
    assert {f"GPU {n}" for n in range(8)} <= set(texts(svg))


def test_it_draws_the_same_data_once(monkeypatch: pytest.MonkeyPatch) -> None:
    [panel, _] = usage_panels(usage(33), {})
    first = draw_panel(panel)
    monkeypatch.setattr(draw_usage, "render", lambda _: pytest.fail("drawn again"))
    assert draw_panel(panel) == first
