"""One page of a run's experiments, sorted and filtered as a reader asks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

from django.core.paginator import Page, Paginator

from experiments_app.misses import misses_in_words
from experiments_app.models import Experiment, Measurement
from experiments_app.overview import TaskOverview
from experiments_app.rows import Row, state_name
from experiments_app.table.columns import Column, columns_of
from experiments_app.table.query import STATES, USUAL_STATES, TableQuery
from tasks_app.spec import TaskSpec

ROWS_PER_PAGE = 100


@dataclass(frozen=True)
class TableCell:
    """`kind`: parameter, gain or number. `is_up`: a gain that is one."""

    text: str
    kind: str
    is_up: bool = False


@dataclass(frozen=True)
class TableRow:
    row: Row
    cells: tuple[TableCell, ...]


@dataclass(frozen=True)
class Heading:
    """A shown column: where a click on it leads, and how it is sorted now."""

    column: Column
    address: str
    sorted: str


@dataclass(frozen=True)
class ExperimentTable:
    """`columns` are all that there can be; `page_rows` are those of the `page`."""

    overview: TaskOverview
    query: TableQuery
    columns: tuple[Column, ...]
    measured: Mapping[int, Mapping[str, Any]]
    page: "Page[Experiment | int]"
    page_rows: Sequence[Row]
    counts: Mapping[str, int]
    details: Mapping[int, str]

    @cached_property
    def shown(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.is_shown)

    @property
    def headings(self) -> list[Heading]:
        return [self._heading(column) for column in self.shown]

    @property
    def number_heading(self) -> Heading:
        return self._heading(Column("number", "#", "", "", is_shown=True))

    @property
    def score_heading(self) -> Heading:
        return self._heading(Column("score", "Score", "", "", is_shown=True))

    @cached_property
    def rows(self) -> list[TableRow]:
        return [self._row(row) for row in self.page_rows]

    @property
    def states(self) -> list[tuple[str, str, int, str]]:
        """Key, label, count and address of each state that there is to choose; the usual ones
        from the start, so that nothing moves when the first of them comes."""
        return [
            (key, label, self.counts.get(key, 0), self.query.address(state=key))
            for key, label in STATES.items()
            if key in USUAL_STATES or self.counts.get(key)
        ]

    @property
    def all_states(self) -> str:
        return self.query.address(state="")

    @property
    def groups(self) -> list[tuple[str, list[Column]]]:
        """The columns as the menu offers them."""
        return [(name, list(found)) for name, found in groupby(self.columns, lambda c: c.group)]

    @property
    def levels(self) -> list[tuple[int, str]]:
        return list(enumerate(map(str, table_levels(self.overview.spec))))

    @property
    def level(self) -> int:
        return level_of(self.overview, self.query)

    @property
    def shows_all_parameters(self) -> bool:
        """Whether each searched parameter has a column of its own."""
        return all(column.is_shown for column in self.columns if column.parameter)

    @property
    def previous(self) -> str:
        page = self.page
        return self.query.address(page=page.number - 1) if page.has_previous() else ""

    @property
    def next(self) -> str:
        return self.query.address(page=self.page.number + 1) if self.page.has_next() else ""

    def _heading(self, column: Column) -> Heading:
        order = ""
        if self.query.sort == column.key:
            order = "descending" if self.query.descending else "ascending"
        return Heading(column, self.query.sorted_by(column.key), order)

    def _row(self, row: Row) -> TableRow:
        measured = self.measured.get(row.experiment.pk, {}) if row.experiment else {}
        cells = tuple(self._cell(column, row, measured) for column in self.shown)
        if row.experiment and (detail := self.details.get(row.experiment.pk)):
            row = replace(row, detail=detail)
        return TableRow(row, cells)

    @staticmethod
    def _cell(column: Column, row: Row, measured: Mapping[str, Any]) -> TableCell:
        kind = "parameter" if column.parameter else "gain" if column.key == "gain" else "number"
        is_up = kind == "gain" and (row.gain or 0) > 0 and not row.is_noise
        return TableCell(column.text(row, measured), kind, is_up)


def load_table(
    overview: TaskOverview, query: TableQuery, choice: Mapping[str, bool]
) -> ExperimentTable:
    """Three queries, however many experiments and columns there are; rows of the page alone."""
    columns = columns_of(overview.spec, choice)
    wanted = Paginator(_wanted(overview, query, columns), ROWS_PER_PAGE).get_page(query.page)
    rows = [
        overview.planned_row(one) if isinstance(one, int) else overview.row_of(one)
        for one in wanted
    ]
    shown = [row.experiment for row in rows if row.experiment]
    keys = [column.key for column in columns if column.is_metric and column.is_shown]
    missed = [row.experiment for row in rows if row.experiment and row.state == "infeasible"]
    return ExperimentTable(
        overview=overview,
        query=query,
        columns=columns,
        measured=_measured(overview, query, keys, of=shown),
        page=wanted,
        page_rows=rows,
        counts=Counter(map(state_name, overview.experiments)),
        details=misses_in_words(overview.spec, missed),
    )


@dataclass(frozen=True)
class TableLevel:
    """`concurrency` None: the highest that each experiment was found to carry."""

    scenario: str
    concurrency: int | None

    def __str__(self) -> str:
        if self.concurrency is None:
            return f"{self.scenario} at the load that each carries"
        return f"{self.scenario} at concurrency {self.concurrency}"

    def is_of(self, experiment: Experiment, concurrency: int) -> bool:
        if self.concurrency is not None:
            return concurrency == self.concurrency
        found = experiment.load_search.get(self.scenario, {})
        return bool(concurrency == found.get("concurrency"))


def table_levels(spec: TaskSpec) -> list[TableLevel]:
    """The load levels whose figures the table can show."""
    if spec.benchmark.finds_concurrency:
        return [TableLevel(scenario, None) for scenario in spec.benchmark.traffic_scenarios]
    return [TableLevel(point.scenario, point.concurrency) for point in spec.points()]


def level_of(overview: TaskOverview, query: TableQuery) -> int:
    """The load level whose figures are shown: the first scenario's heaviest if none is chosen."""
    if query.level is not None:
        return query.level
    points = table_levels(overview.spec)
    of_first = [point for point in points if point.scenario == points[0].scenario]
    return max(range(len(of_first)), key=lambda index: of_first[index].concurrency or 0)


def _wanted(
    overview: TaskOverview, query: TableQuery, columns: Iterable[Column]
) -> Sequence[Experiment | int]:
    """In their order; a number stands for an experiment that is only planned."""
    if query.is_plain:
        return [*overview.experiments, *overview.planned_numbers]
    made = [e for e in overview.experiments if query.state in {"", state_name(e)}]
    fixed = Column(query.sort, "", "", "", is_shown=True)
    column = next((c for c in columns if c.key == query.sort), fixed)
    measured = _measured(overview, query, [column.key] if column.is_metric else [])
    valued = [
        (column.value(e, overview.gain_over_default(e), measured.get(e.pk, {})), e) for e in made
    ]
    known = [pair for pair in valued if pair[0] is not None]
    known.sort(key=lambda pair: _order(pair[0]), reverse=query.descending)
    return [e for _, e in known] + [e for value, e in valued if value is None]


def _order(value: Any) -> tuple[int, Any]:
    """Numbers before words: a parameter may have both."""
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def _measured(
    overview: TaskOverview,
    query: TableQuery,
    keys: Sequence[str],
    *,
    of: Iterable[Experiment] | None = None,
) -> dict[int, dict[str, Any]]:
    """What these metrics are at the chosen level, of all or of some; means of repeats."""
    if not keys or not overview.experiments:
        return {}
    level = table_levels(overview.spec)[level_of(overview, query)]
    by_pk = {experiment.pk: experiment for experiment in overview.experiments}
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    if of is None:
        rows = Measurement.objects.filter(
            experiment__task=overview.task, experiment__run=overview.run
        )
    else:
        rows = Measurement.objects.filter(experiment__in=of)
    rows = rows.filter(scenario=level.scenario, counts=True)
    if level.concurrency is not None:
        rows = rows.filter(concurrency=level.concurrency)
    for pk, concurrency, *values in rows.order_by().values_list("experiment", "concurrency", *keys):
        if level.is_of(by_pk[pk], concurrency):
            found[pk].append(tuple(values))
    return {
        pk: {
            key: _mean(values) for key, values in zip(keys, zip(*repeats, strict=True), strict=True)
        }
        for pk, repeats in found.items()
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
