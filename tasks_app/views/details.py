"""Changing name, description and labels in passing, where they stand."""

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRefresh

from autotuner_site.requests import SignedInRequest
from tasks_app.details_form import DetailsForm
from tasks_app.models import Task

TEMPLATE = "tasks_app/task_details.html"


@require_http_methods(["GET", "HEAD", "POST", "PATCH"])
def task_details(request: SignedInRequest, pk: int) -> HttpResponse:
    """PATCH changes what is sent and leaves the rest; POST does the same for a browser."""
    task = Task.objects.filter(pk=pk).prefetch_related("labels").first()
    if task is None:
        return _gone(request)
    form = DetailsForm(_sent(request), task=task)
    changed = form.save(request.user) if form.is_valid() else None
    if changed is None:
        return _show(request, form)
    messages.success(request, "Saved." if changed else "Nothing was changed.")
    return HttpResponseClientRefresh() if request.htmx else redirect("task_detail", pk)


def _sent(request: SignedInRequest) -> QueryDict | None:
    if request.method == "PATCH":
        return QueryDict(request.body, encoding="utf-8")
    return request.POST if request.method == "POST" else None


def _gone(request: SignedInRequest) -> HttpResponse:
    if not request.htmx:
        raise Http404
    messages.error(request, "This task was deleted meanwhile.")
    return HttpResponseClientRefresh()


def _show(request: SignedInRequest, form: DetailsForm) -> HttpResponse:
    status = 409 if form.theirs else 422 if form.is_bound else 200
    here = request.htmx.current_url_abs_path if request.htmx else None
    back = here or reverse("task_detail", args=[form.task.pk])
    context = {"section": "tasks", "task": form.task, "form": form, "back": back}
    template = f"{TEMPLATE}#task-details" if request.htmx else TEMPLATE
    return render(request, template, context, status=status)
