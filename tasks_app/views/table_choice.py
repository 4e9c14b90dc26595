"""What a reader chose to see in the table of experiments, remembered for the next task too."""

from django.http import HttpResponse
from django.shortcuts import redirect

from autotuner_site.requests import SignedInRequest
from experiments_app.overview import TaskOverview
from experiments_app.table.columns import columns_of
from experiments_app.table.query import TableQuery, chosen_columns, remember
from experiments_app.table.table import ExperimentTable, load_table, table_levels
from tasks_app.spec import TaskSpec

REMEMBERED = "experiment_columns"
TABLE = "#experiments-heading"


def table_of(request: SignedInRequest, overview: TaskOverview) -> ExperimentTable:
    choice = _choice(request)
    spec = overview.spec
    columns = columns_of(spec, choice)
    query = TableQuery.parse(request.GET, columns, len(table_levels(spec)))
    return load_table(overview, query, choice)


def choose_columns(request: SignedInRequest, spec: TaskSpec) -> HttpResponse:
    """Remember what the menu was sent with, and lead to the table that shows it."""
    choice = _choice(request)
    columns = columns_of(spec, choice)
    if request.GET["columns"] == "default":
        for column in columns:
            choice.pop(column.key, None)
        request.session[REMEMBERED] = choice
    else:
        request.session[REMEMBERED] = remember(choice, chosen_columns(request.GET, columns))
    query = TableQuery.parse(request.GET, columns, len(table_levels(spec)))
    return redirect(f"{request.path}{query.address()}{TABLE}")


def _choice(request: SignedInRequest) -> dict[str, bool]:
    return dict(request.session.get(REMEMBERED, {}))
