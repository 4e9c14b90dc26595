from typing import Any
from xml.etree import ElementTree as ET

import pytest

from experiments_app.charts import draw as drawing
from experiments_app.charts.draw_score import specify
from experiments_app.charts.kinds import Kind
from experiments_app.charts.score import Bar, ScoreChart

DESCRIPTION = "The best is experiment 2."
SVG = "{http://www.w3.org/2000/svg}"


def draw(data: ScoreChart, *, narrow: bool = False) -> str:
    return drawing.draw(data, specify, narrow=narrow)


def chart(num_bars: int = 4, best: int = 2) -> ScoreChart:
    kinds = {0: Kind.BASELINE, best: Kind.BEST, 3: Kind.FAILED}
    bars = tuple(
        Bar(
            number=number,
            kind=kinds.get(number, Kind.MEASURED),
            score=None if number == 3 else 50.0 + number,
            tooltip=f"Experiment {number} <&>",
            path=f"/experiments/{number}/",
        )
        for number in range(num_bars)
    )
    return ScoreChart(
        "Scores", "tokens/s", slots=13, bars=bars, baseline=50.0, description=DESCRIPTION
    )


def marks(svg: str) -> list[ET.Element]:
    root = ET.fromstring(svg)
    return [link[0] for link in root.iter(f"{SVG}a") if link[0].get("aria-label")]


def test_it_draws_the_best_green_and_starred() -> None:
    svg = draw(chart())
    best = next(mark for mark in marks(svg) if mark.get("aria-label") == "Experiment 2 <&>")
    assert best.get("fill") == "var(--bar-best)"
    texts = ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]
    assert "★" in texts
    assert "★ Best" in texts  # the legend


def test_it_gives_each_mark_a_tooltip_and_a_link() -> None:
    svg = draw(chart())
    found = marks(svg)
    assert len(found) == 4
    assert [mark.findtext(f"{SVG}title") for mark in found if mark.get("fill") != "var(--bad)"] == [
        "Experiment 0 <&>", "Experiment 1 <&>", "Experiment 2 <&>",
    ]  # fmt: skip
    links = {link.get("href") for link in ET.fromstring(svg).iter(f"{SVG}a")}
    assert links == {f"/experiments/{number}/" for number in range(4)}


@pytest.mark.parametrize(("num_bars", "stops"), [(40, 40), (41, 0)])
def test_the_keyboard_passes_many_marks_by(num_bars: int, stops: int) -> None:
    root = ET.fromstring(draw(chart(num_bars)))
    reached = [link for link in root.iter(f"{SVG}a") if link.get("tabindex") != "-1"]
    assert len(reached) == stops


def test_it_shows_what_has_no_score() -> None:
    failed = [mark for mark in marks(draw(chart())) if mark.get("fill") == "var(--bad)"]
    assert [mark.get("aria-label") for mark in failed] == ["Experiment 3 <&>"]


def test_it_has_a_title_a_description_and_axes_with_units() -> None:
    root = ET.fromstring(draw(chart()))
    assert root.get("role") == "group"
    assert root.findtext(f"{SVG}title") == "Scores"
    assert "The best is experiment 2" in (root.findtext(f"{SVG}desc") or "")
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert "tokens/s" in texts
    assert "Experiment (0 is the default)" in texts


def test_it_leaves_styles_and_fonts_to_the_page() -> None:
    svg = draw(chart())
    assert "style=" not in svg
    assert "font-family" not in svg
    assert "<script" not in svg


def test_it_gives_two_drawings_on_a_page_ids_of_their_own() -> None:
    ids = [
        element.get("id")
        for svg in (draw(chart()), draw(chart(), narrow=True))
        for element in ET.fromstring(svg).iter()
        if element.get("id")
    ]
    assert len(ids) == len(set(ids))


def test_it_draws_the_same_data_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = draw(chart(best=1))
    monkeypatch.setattr(drawing, "render", lambda _: pytest.fail("drawn again"))
    assert draw(chart(best=1)) == first


def test_it_draws_many_experiments_with_few_labels() -> None:
    root = ET.fromstring(draw(chart(num_bars=300)))
    assert len(list(root.iter(f"{SVG}text"))) < 200


def test_it_draws_a_single_experiment() -> None:
    bars = (Bar(0, Kind.BEST, 50.0, "Default", "/experiments/1/"),)
    assert "<svg" in draw(
        ScoreChart("Scores", "s", slots=1, bars=bars, baseline=50.0, description=DESCRIPTION)
    )


def test_it_loads_what_draws_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[dict[str, Any]] = []
    monkeypatch.setattr(drawing, "render", drawn.append)
    drawing.load_drawing()
    assert drawn[0]["mark"]["type"] == "point"
