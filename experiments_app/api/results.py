"""The results of a run and the log of a task."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from django.http import StreamingHttpResponse
from ninja import Query, Schema
from pydantic import Field

from experiments_app import results_file, task_log
from experiments_app.api.auth import ApiRequest
from experiments_app.api.experiments import MAX_ID
from experiments_app.api.finding import run_or_404, task_or_404
from experiments_app.api.logs import LogQuery, log_part
from experiments_app.api.routing import ApiRouter
from experiments_app.api.schemas import Json, LogPart
from experiments_app.results import RunResults
from experiments_app.results_parquet import parquet_parts

router = ApiRouter(tags=["results"])
PARQUET = "application/vnd.apache.parquet"
FORMATS: dict[str, tuple[str, Callable[[RunResults], Iterator[str] | Iterator[bytes]]]] = {
    "json": ("application/json; charset=utf-8", results_file.json_parts),
    "csv": ("text/csv; charset=utf-8", results_file.csv_lines),
    "parquet": (PARQUET, parquet_parts),
}
FILES: dict[str, Any] = {
    "responses": {
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                PARQUET: {"schema": {"type": "string", "format": "binary"}},
            }
        }
    }
}


class ResultsQuery(Schema):
    run: int | None = Field(None, ge=1, le=MAX_ID, description="The current run if left out.")
    format: Literal["json", "csv", "parquet"] = "json"


@router.call("GET", "/{int:task_id}/results", answer=Json, errors=(404, 422), extra=FILES)
def read_results(
    request: ApiRequest, task_id: int, asked: Query[ResultsQuery]
) -> StreamingHttpResponse:
    """Read all that a run measured.

    The verdict, the best, the default, the gain with its interval, and every experiment: the shape
    of `manage.py export_results` and `tune --json`. It comes as it is read.
    """
    task = task_or_404(task_id)
    results = RunResults(task, run_or_404(task, asked.run))
    kind, pieces = FORMATS[asked.format]
    return StreamingHttpResponse(pieces(results), content_type=kind)


@router.call("GET", "/{int:task_id}/log", answer=LogPart, errors=(404, 422))
def read_task_log(request: ApiRequest, task_id: int, asked: Query[LogQuery]) -> object:
    """Read the log of a task, or what was added to it.

    To follow it, ask again from `next_offset` until it is `finished`.
    """
    task = task_or_404(task_id)
    is_over = not task.current_status.is_under_way
    return log_part(task_log.path_of(task.pk), asked, is_over=is_over)
