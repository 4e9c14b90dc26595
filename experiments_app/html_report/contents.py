"""What stands in the report of a run: everything that its template asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from experiments_app import words
from experiments_app.answer_texts import AnswerText
from experiments_app.comparison import Line
from experiments_app.html_report.cautions import Caution, cautions_of
from experiments_app.html_report.drawings import Drawing, drawings_of
from experiments_app.html_report.headline import Headline, headline_of
from experiments_app.html_report.method import LINES, WORDS, load_lines, rules
from experiments_app.overview import TaskOverview
from experiments_app.provenance import whole
from experiments_app.provenance_words import Section, sections
from experiments_app.results import RunResults
from experiments_app.table.query import TableQuery
from experiments_app.table.table import ExperimentTable, TableRow, load_table, table_levels
from tasks_app.models import Run, Task
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import dump_for_people

COLUMNS = {
    "gain": True,
    "output_tokens_per_s": True,
    "requests_per_s": False,
    "ttft_mean_s": True,
    "ttft_p90_s": False,
    "ttft_p99_s": True,
    "tpot_mean_s": True,
    "e2e_p99_s": True,
    "measure_s": False,
}
"""Of the table of experiments, besides the parameters."""
KEY_METRICS = (
    "Output", "Requests", "TTFT mean", "TTFT p99", "TPOT mean", "E2E p99", "Cost", "Energy",
    "Errors",
)  # fmt: skip


FIRST_TEXTS = 2


@dataclass(frozen=True)
class Level:
    """A load level of the default and the answer: the lines for the overview, and all of them."""

    title: str
    key_lines: Sequence[Line]
    lines: Sequence[Line]


@dataclass(frozen=True)
class Report:
    """A run. `results` is what is exported of it, `overview` what its page knows."""

    overview: TaskOverview
    results: RunResults
    run: Run

    @property
    def task(self) -> Task:
        return self.overview.task

    @property
    def spec(self) -> TaskSpec:
        return self.overview.spec

    @property
    def headline(self) -> Headline:
        return headline_of(self.overview)

    @cached_property
    def verdict(self) -> str:
        """The answer as a sentence."""
        return f"{words.capital(self.results.verdict)}."

    @cached_property
    def answer_name(self) -> str:
        answer = self.overview.answer
        return "" if answer is None else words.experiment(answer.number)

    @cached_property
    def answer_texts(self) -> Sequence[AnswerText]:
        return self.overview.answer_texts

    @property
    def first_texts(self) -> Sequence[AnswerText]:
        """What most take: flags and command; `more_texts` are long."""
        return self.answer_texts[:FIRST_TEXTS]

    @property
    def more_texts(self) -> Sequence[AnswerText]:
        return self.answer_texts[FIRST_TEXTS:]

    @cached_property
    def drawings(self) -> list[Drawing]:
        """Those with nothing to show last."""
        return sorted(drawings_of(self.overview), key=lambda drawing: not drawing.wide)

    @cached_property
    def levels(self) -> list[Level]:
        """The answer against the default, load level by load level."""
        return [
            Level(title, _in_order(lines), lines) for title, lines in self.overview.against_default
        ]

    @cached_property
    def level_heads(self) -> Sequence[Line]:
        return self.levels[0].key_lines if self.levels else ()

    @cached_property
    def table(self) -> ExperimentTable:
        """Its first page; the columns of all."""
        return load_table(self.overview, TableQuery(), COLUMNS)

    @cached_property
    def rows(self) -> list[TableRow]:
        """Every experiment that was made."""
        pages = range(2, self.table.page.paginator.num_pages + 1)
        others = (load_table(self.overview, TableQuery(page=page), COLUMNS) for page in pages)
        rows = [row for table in (self.table, *others) for row in table.rows]
        return [line for line in rows if line.row.experiment is not None]

    @property
    def table_level(self) -> str:
        return str(table_levels(self.spec)[self.table.level])

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        return whole(self.run)

    @cached_property
    def circumstances(self) -> list[Section]:
        return sections(self.provenance)

    @property
    def load_lines(self) -> LINES:
        return load_lines(self.spec)

    @property
    def rules(self) -> tuple[str, ...]:
        return rules(self.spec, has_final=self.overview.final is not None)

    @property
    def words(self) -> LINES:
        return WORDS

    @cached_property
    def task_file(self) -> str:
        """As it stood when the run started, without its secrets."""
        return dump_for_people(self.spec.to_data())

    @cached_property
    def cautions(self) -> list[Caution]:
        return cautions_of(self.overview, self.provenance.get("observed") or {})


def _in_order(lines: Sequence[Line]) -> list[Line]:
    by_name = {line.name: line for line in lines}
    return [by_name[name] for name in KEY_METRICS if name in by_name]
