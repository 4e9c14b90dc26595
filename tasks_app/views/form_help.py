"""What the task form tells while it is filled in. Nothing here saves anything.

Whoever is signed out meanwhile is refused, and not led to the sign-in: what was typed would be
lost with the page.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.known_models import model_note
from experiments_app.task_summary import summarise
from tasks_app.forms import TaskForm, YamlForm
from tasks_app.models import Task

View = Callable[..., HttpResponse]


def signed_in_or_refused(view: View) -> View:
    @login_not_required
    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponse(status=403)
        return view(request, *args, **kwargs)

    return checked


@signed_in_or_refused
@require_POST
def task_check(request: SignedInRequest, pk: int | None = None) -> HttpResponse:
    """The whole form comes, the summary and what stands at each field go back."""
    task = get_object_or_404(Task, pk=pk) if pk else None
    kind = YamlForm if request.POST.get("view") == "yaml" else TaskForm
    form = kind(request.POST, task=task)
    form.saves = False
    form.is_live = True
    form.full_clean()
    context = {
        "form": form,
        "summary": summarise(form.document_now, form.warnings),
        "oob": True,
        "other_runtime": request.POST.get("shown_runtime") != request.POST.get("base_runtime"),
    }
    return render(request, "tasks_app/_form_check.html", context)


@signed_in_or_refused
@require_safe
def model_check(request: SignedInRequest) -> HttpResponse:
    """Whether there is such a model, here or on the hub. This one may take seconds."""
    note = model_note(request.GET.get("model", ""))
    return render(request, "tasks_app/_model_note.html", {"note": note})
