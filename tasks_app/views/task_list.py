"""The list of tasks."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.task_list import summaries
from tasks_app.forms import FilterForm
from tasks_app.models import Task

TASKS_PER_PAGE = 25


@require_safe
def task_list(request: SignedInRequest) -> HttpResponse:
    filters = FilterForm(request.GET)
    tasks = Paginator(filters.apply(Task.objects.all()), TASKS_PER_PAGE)
    page = tasks.get_page(request.GET.get("page"))
    context = {
        "section": "tasks",
        "filters": filters,
        "page": page,
        "summaries": summaries(list(page)),
        "is_first_run": not page and not filters.is_active,
    }
    return render(request, "tasks_app/task_list.html", context)
