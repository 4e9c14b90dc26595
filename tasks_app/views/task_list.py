"""The list of tasks."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest, whole_number
from experiments_app.task_list import listed, summaries
from experiments_app.task_order import SIZES, ListOrder, ordered
from tasks_app.list_filter import FilterForm
from tasks_app.models import Task

TEMPLATE = "tasks_app/task_list.html"


@require_safe
def task_list(request: SignedInRequest) -> HttpResponse:
    filters, order = FilterForm(request.GET), ListOrder.read(request.GET)
    tasks = ordered(filters.apply(Task.objects.all()), order.sort)
    page = Paginator(tasks.values_list("pk", flat=True), order.size).get_page(
        request.GET.get("page")
    )
    found = summaries(listed(list(page)))
    context = {
        "section": "tasks",
        "filters": filters,
        "order": order,
        "page": page,
        "summaries": found,
        "is_live": any(summary.is_live for summary in found),
        "is_first_run": not page and not filters.is_active and not Task.objects.exists(),
    }
    return render(request, TEMPLATE, context)


@require_safe
def task_rows(request: SignedInRequest) -> HttpResponse:
    """The rows of `?task=…` as they are now, in that order: what a list that is open polls."""
    asked = [pk for text in request.GET.getlist("task")[: SIZES[-1]] if (pk := whole_number(text))]
    found = summaries(listed(asked))
    is_live = any(summary.is_live for summary in found)
    context = {"summaries": found, "is_live": is_live}
    return render(request, f"{TEMPLATE}#task-rows", context)
