"""Bringing a preset into a task that is there already."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from autotuner_site.requests import SignedInRequest
from tasks_app.list_filter import LONGEST_SEARCH
from tasks_app.models import StaleState, Task
from tasks_app.presets import PresetInfo
from tasks_app.presets.merge_form import MergeForm
from tasks_app.views.presets import preset_or_404, task_or_404

MOST_SHOWN = 30


@require_http_methods(["GET", "HEAD", "POST"])
def preset_merge(request: SignedInRequest, key: str) -> HttpResponse:
    """Which task, first; with `?task=` what the merge does to it, and the choices."""
    preset = preset_or_404(key)
    if not request.GET.get("task"):
        return _choose(request, preset)
    task = task_or_404(request.GET["task"])
    if task.base_runtime != preset.base_runtime:
        raise Http404("No such task of this engine.")
    form = MergeForm(request.POST or None, task=task, preset=preset)
    if form.is_valid() and _merged(request, form):
        return redirect("task_detail", task.pk)
    context = {"section": "presets", "preset": preset, "task": task, "form": form}
    status = 409 if form.has_error("version") else 422 if form.is_bound else 200
    return render(request, "tasks_app/preset_merge.html", context, status=status)


def _merged(request: SignedInRequest, form: MergeForm) -> bool:
    """Save it and say so; or let the form say why not."""
    try:
        is_new = form.save(request.user)
    except StaleState as error:
        form.add_error(None, str(error))
        return False
    if not is_new:
        messages.info(request, "Nothing was changed: the task says all this already.")
        return True
    messages.success(request, f"The preset {form.preset.name!r} is in the task now. {form.done}")
    for warning in form.warnings:
        messages.warning(request, str(warning))
    return True


def _choose(request: SignedInRequest, preset: PresetInfo) -> HttpResponse:
    words = request.GET.get("q", "")
    tasks = _candidates(preset, words)[: MOST_SHOWN + 1]
    context = {
        "section": "presets",
        "preset": preset,
        "tasks": tasks[:MOST_SHOWN],
        "has_more": len(tasks) > MOST_SHOWN,
        "q": words,
    }
    return render(request, "tasks_app/preset_choose_task.html", context)


def _candidates(preset: PresetInfo, words: str) -> QuerySet[Task]:
    tasks = Task.objects.in_use().exclude(pk__in=Task.objects.under_way())
    tasks = tasks.filter(base_runtime=preset.base_runtime, name__icontains=words[:LONGEST_SEARCH])
    return tasks.order_by("-updated_at")
