import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app.replay.report import Request, run_all, to_data, to_text
from experiments_app.replay.run import NAMES, LearnFrom, Outcome
from experiments_app.replay.table import Table, TableError, load_table
from tasks_app.problems import did_you_mean

DEFAULT_SEEDS = 20


class Command(SiteCommand):
    prepares_database = False
    help = (
        "Run search strategies offline over tables of measurements: after how many experiments"
        " and measured points do they have the best? docs/search.md describes the tables and what"
        " came out. No database is needed."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("table", nargs="+", type=Path, help="a table's JSON file")
        parser.add_argument(
            "--strategy",
            action="append",
            required=True,
            metavar="S",
            help=f"one of {', '.join(NAMES)}; may be given several times",
        )
        parser.add_argument("--seeds", type=_positive, default=DEFAULT_SEEDS, metavar="N")
        parser.add_argument(
            "--budget",
            type=_positive,
            metavar="N",
            help="experiments a run; as many as the table has configurations when left out",
        )
        parser.add_argument(
            "--tolerance",
            type=_share,
            default=0.02,
            help="how near to the best is near enough, relative (default 0.02)",
        )
        parser.add_argument(
            "--learn-from",
            choices=["others", "none"],
            default="none",
            help="what auto may learn from: the other tables of this call, or nothing (default)",
        )

    def run(
        self,
        *,
        table: list[Path],
        strategy: list[str],
        seeds: int,
        budget: int | None,
        tolerance: float,
        learn_from: LearnFrom,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> int:
        names = list(dict.fromkeys(strategy))
        for name in names:
            if name not in NAMES:
                raise BadInput(f"unknown strategy {name!r} ({did_you_mean(name, NAMES)})")
        tables = _load(table)
        outcomes: dict[str, dict[str, list[Outcome]]] = {}
        request = Request(tables, names, seeds, budget, tolerance, learn_from)
        for table_name, name, found in run_all(request):
            outcomes.setdefault(table_name, {})[name] = found
            if verbosity > 1:
                self.stderr.write(f"{table_name}: {name}")
        if json:
            self.print_json(to_data(outcomes))
        else:
            for line in to_text(outcomes, names, tolerance):
                self.print(line)
        return SUCCESS


def _load(paths: list[Path]) -> list[Table]:
    try:
        tables = [load_table(path) for path in paths]
    except TableError as error:
        raise BadInput(str(error)) from error
    by_name: dict[str, Path] = {}
    for path, table in zip(paths, tables, strict=True):
        if table.name in by_name:
            raise BadInput(f"{path} and {by_name[table.name]} are both named {table.name!r}")
        by_name[table.name] = path
    return tables


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to below 1, not {text!r}")
    return share
