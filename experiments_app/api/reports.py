"""The report of a run."""

from typing import Any

from django.http import HttpResponse
from ninja import Query, Schema
from pydantic import Field

from experiments_app.api.auth import ApiRequest
from experiments_app.api.errors import ApiError
from experiments_app.api.experiments import MAX_ID
from experiments_app.api.finding import run_or_404, task_or_404
from experiments_app.api.routing import ApiRouter
from experiments_app.html_report.page import NotStarted, report_html

router = ApiRouter(tags=["results"])
HTML: dict[str, Any] = {
    "responses": {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}
}


class ReportQuery(Schema):
    run: int | None = Field(None, ge=1, le=MAX_ID, description="The current run if left out.")


@router.call("GET", "/{int:task_id}/report", answer=None, errors=(404, 422), extra=HTML)
def read_report(request: ApiRequest, task_id: int, asked: Query[ReportQuery]) -> HttpResponse:
    """Read the report of a run.

    One HTML file that needs no network: the answer, the charts, every experiment, how it was
    measured, and the raw data. The same as `manage.py export_report` makes.
    """
    task = task_or_404(task_id)
    try:
        html = report_html(task, run_or_404(task, asked.run))
    except NotStarted as error:
        raise ApiError(404, f"Task {task_id} has no run yet.") from error
    return HttpResponse(html, content_type="text/html; charset=utf-8")
