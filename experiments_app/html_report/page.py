"""The report of a run: the page around what `contents` knows."""

from django.template.loader import render_to_string

from experiments_app.html_report.contents import Report
from experiments_app.html_report.raw_data import raw_data
from experiments_app.html_report.style import content_policy, style_sheet
from experiments_app.overview import TaskOverview
from experiments_app.results import RunResults
from tasks_app.models import Run, Task

TEMPLATE = "experiments_app/report/page.html"
MOST_BYTES = 3_000_000
"""Before it becomes larger the raw data in it are shortened."""
NOTE, RAW_DATA = "<!-- note on the raw data -->", "<!-- raw data -->"


class NotStarted(Exception):
    """There is no such run yet; the message says so."""


def report_html(task: Task, run: int | None = None) -> str:
    """The report of the latest run, or another. Of one that has ended it is the same each time.
    Raises NotStarted."""
    number = run or task.run
    started = Run.objects.filter(task=task, number=number).first()
    if started is None:
        raise NotStarted(f"task {task.name!r} has no run {number} to report on")
    started.task = task
    report = Report(TaskOverview.load(task, number), RunResults(task, number), started)
    style = style_sheet()
    context = {"report": report, "style": style, "policy": content_policy(style)}
    page = render_to_string(TEMPLATE, context)
    data = raw_data(report.results, MOST_BYTES - len(page.encode()))
    return page.replace(NOTE, data.note, 1).replace(RAW_DATA, data.text, 1)
