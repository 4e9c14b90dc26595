"""What a reader can choose of a chart: the controls of its form, as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from experiments_app.charts.heat_map import chosen_pair
from experiments_app.charts.kinds import Kind, finished_rows, kind_of
from experiments_app.charts.levels import chosen_rows, latency_of
from experiments_app.charts.options import LATENCY_NAMES, STATISTIC_NAMES, ChartOptions
from experiments_app.charts.parameters import parameters_of, trials_of
from experiments_app.objective import is_maximised
from experiments_app.overview import TaskOverview

OFFERED_EXPERIMENTS = 12


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Control:
    """A select; or, where several may be chosen, boxes to tick."""

    name: str
    label: str
    options: tuple[Option, ...]
    takes_several: bool = False


def controls(
    names: Sequence[str], overview: TaskOverview, options: ChartOptions
) -> tuple[Control, ...]:
    """The controls for these choices of a chart type."""
    return tuple(control for name in names for control in _CONTROLS[name](overview, options))


def _over(overview: TaskOverview, options: ChartOptions) -> Iterator[Control]:
    labels = {"experiments": "experiments", "time": "elapsed time"}
    yield _select("over", "Over", labels, options.over or "experiments")


def _latency(overview: TaskOverview, options: ChartOptions) -> Iterator[Control]:
    yield from latency_controls(latency_of(overview.spec, options))


def latency_controls(latency: str) -> Iterator[Control]:
    """For a latency such as `ttft_p99_s`."""
    metric, statistic, _ = latency.split("_")
    names = {name: f"{name.upper()}, {words}" for name, words in LATENCY_NAMES.items()}
    yield _select("latency", "Latency", names, metric)
    yield _select("statistic", "Statistic", STATISTIC_NAMES, statistic)


def _experiments(overview: TaskOverview, options: ChartOptions) -> Iterator[Control]:
    chosen = {row.number for row in chosen_rows(overview, options.experiments)}
    rows = finished_rows(overview)
    sign = -1 if is_maximised(overview.objective) else 1
    scored = sorted(
        (row for row in rows if row.score is not None), key=lambda row: sign * (row.score or 0.0)
    )
    offered = {row.number for row in scored[:OFFERED_EXPERIMENTS]} | chosen
    names = {Kind.BEST: "★ ", Kind.INFEASIBLE: "△ "}
    boxes = tuple(
        Option(
            str(row.number),
            f"{names.get(kind_of(row), '')}{'Default' if row.is_baseline else row.number}",
            row.number in chosen,
        )
        for row in rows
        if row.number in offered
    )
    yield Control("experiment", "Experiments", boxes, takes_several=True)


def _pair(overview: TaskOverview, options: ChartOptions) -> Iterator[Control]:
    found = parameters_of(overview, trials_of(overview))
    if len(found) > 1:
        x, y = chosen_pair(found, options)
        names = {name: name for name in overview.searched if name in {p.name for p in found}}
        yield _select("x", "Across", names, x.name)
        yield _select("y", "Upwards", names, y.name)


def _select(name: str, label: str, labels: Mapping[str, str], chosen: str) -> Control:
    options = tuple(Option(value, text, value == chosen) for value, text in labels.items())
    return Control(name, label, options)


_CONTROLS = {"over": _over, "latency": _latency, "experiments": _experiments, "pair": _pair}
