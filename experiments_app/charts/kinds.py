"""What a mark in a chart stands for: one experiment, and how it went."""

from enum import StrEnum

from experiments_app import words
from experiments_app.objective import is_maximised
from experiments_app.overview import TaskOverview
from experiments_app.rows import Row

MAX_DETAIL = 200
MAX_FLAGS = 8
MAX_FLAG = 80


class Kind(StrEnum):
    """How an experiment went; the value is its entry in a legend."""

    BEST = "★ Best"
    BASELINE = "Default"
    MEASURED = "Measured"
    INFEASIBLE = "Misses an SLO"
    PRUNED = "Pruned"
    FAILED = "Not measured"


def kind_of(row: Row) -> Kind:
    if row.is_best:
        return Kind.BEST
    if row.state == "infeasible":
        return Kind.INFEASIBLE
    if row.state == "pruned":
        return Kind.PRUNED
    if row.score is None:
        return Kind.FAILED
    return Kind.BASELINE if row.is_baseline else Kind.MEASURED


def finished_rows(overview: TaskOverview) -> list[Row]:
    """The experiments that have ended, in their order."""
    return [
        row
        for row in overview.rows
        if row.experiment is not None and row.experiment.current_status.is_finished
    ]


def name_of(row: Row) -> str:
    name = "Default" if row.is_baseline else f"Experiment {row.number}"
    return f"★ Best: {name}" if row.is_best else name


def path_of(row: Row) -> str:
    return f"/experiments/{row.experiment.pk}/" if row.experiment else ""


def tooltip(row: Row, overview: TaskOverview) -> str:
    """Everything about an experiment in one line."""
    parts = [name_of(row)]
    if row.score is not None:
        parts.append(f"{words.number(row.score)} {overview.unit}")
    else:
        parts.append(row.detail.partition("\n")[0][:MAX_DETAIL] or row.label)
    if row.gain is not None:
        parts.append(f"{words.percent(row.gain)} against the default")
    flags = [f"{cell.name} {cell.text}" for cell in row.cells if cell.text]
    parts += [flag[:MAX_FLAG] for flag in flags[:MAX_FLAGS]]
    if len(flags) > MAX_FLAGS:
        parts.append(f"and {len(flags) - MAX_FLAGS} more")
    return " · ".join(parts)


def unit_words(overview: TaskOverview) -> str:
    """The unit of the score, and which way is better: the title of an axis."""
    return f"{overview.unit} · {better(overview)} is better"


def better(overview: TaskOverview) -> str:
    return "higher" if is_maximised(overview.objective) else "lower"
