"""The history of a task: who changed what, when; every version of it, and its way back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.run_results import run_results
from tasks_app.history import VERSION_WORDS, events_of, with_changes
from tasks_app.models import StaleState, Task, TaskVersion
from tasks_app.spec import TaskSpec
from tasks_app.spec_diff import changes
from tasks_app.taskfile import dump_for_people

EVENTS_PER_PAGE = 30


@require_safe
def task_history(request: SignedInRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    page = Paginator(events_of(task), EVENTS_PER_PAGE).get_page(request.GET.get("page"))
    results = run_results(task)
    events = with_changes(task, page.object_list)
    shown = [(event, results.get(event.run.number) if event.run else None) for event in events]
    context = {"section": "tasks", "task": task, "page": page, "events": shown}
    return render(request, "tasks_app/task_history.html", context)


@require_safe
def task_version(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    versions = TaskVersion.objects.select_related("changed_by")
    version = get_object_or_404(versions, task=task, number=number)
    context = {
        "section": "tasks",
        "task": task,
        "version": version,
        "how": VERSION_WORDS[version.kind],
        "text": dump_for_people(version.spec),
        "changes": changes(version.spec, task.spec_data()),
    }
    return render(request, "tasks_app/task_version.html", context)


@require_POST
def version_restore(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """The task as it was in that version, as a new version on top of the one that was seen."""
    task = get_object_or_404(Task, pk=pk)
    spec = TaskSpec.model_validate(get_object_or_404(TaskVersion, task=task, number=number).spec)
    if spec == task.spec:
        messages.success(request, f"Nothing was changed: the task is as in version {number}.")
        return redirect("task_history", pk)
    seen = request.POST.get("version", "")
    try:
        task.replace_spec(
            spec,
            version=int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else 0,
            user=request.user,
            how=TaskVersion.Kind.RESTORED,
        )
    except StaleState as error:
        messages.error(request, f"Not restored. {error}")
        return redirect("task_version", pk, number)
    except IntegrityError:
        name = spec.task_name
        messages.error(request, f"Not restored: another task is named {name!r} by now.")
        return redirect("task_version", pk, number)
    messages.success(request, f"The task is again as in version {number}.")
    return redirect("task_history", pk)
