"""A chart as a page shows it: the drawings for wide and narrow screens, its words, its form."""

from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe

from experiments_app.charts.choices import Control
from experiments_app.charts.draw import Chart, Specify, draw


@dataclass(frozen=True)
class Drawn:
    """Plain values, so that it can be kept. The drawings are empty where there is no content."""

    title: str
    description: str
    has_content: bool
    wide: SafeString
    narrow: SafeString
    controls: tuple[Control, ...] = ()


def drawn_of(chart: Chart, specify: Specify, controls: tuple[Control, ...] = ()) -> Drawn:
    def drawing(*, narrow: bool) -> SafeString:
        text = draw(chart, specify, narrow=narrow) if chart.has_content else ""
        return mark_safe(text)  # noqa: S308  # our own drawing

    return Drawn(
        title=chart.title,
        description=chart.description,
        has_content=chart.has_content,
        wide=drawing(narrow=False),
        narrow=drawing(narrow=True),
        controls=controls,
    )
