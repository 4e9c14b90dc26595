"""Importing tasks: files or a text, a preview of what they would become, then the saved tasks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from autotuner_site.requests import SignedInRequest
from experiments_app import words
from experiments_app.gpu_demand import gpu_warnings
from experiments_app.gpus import gpu_count
from experiments_app.planned import planned
from experiments_app.site_volumes import site_volume_problems
from tasks_app.import_request import SECRET_FIELD, CannotImport, first_documents, sent_documents
from tasks_app.incoming import Incoming, checked, save_all
from tasks_app.problems import Problem, SpecError


@require_http_methods(["GET", "HEAD", "POST"])
def task_import(request: SignedInRequest) -> HttpResponse:
    """First the files or the text, then the preview, and from that the saved tasks."""
    action = request.POST.get("action")
    if action is None:
        return _show_import(request)
    if action == "read":
        return _read(request)
    documents = checked(sent_documents(request.POST))
    if action != "save":
        return _show_preview(request, documents)
    return _save(request, documents)


def _read(request: SignedInRequest) -> HttpResponse:
    pasted = request.POST.get("pasted", "")
    try:
        documents = first_documents(pasted, request.FILES.getlist("files"))
    except CannotImport as error:
        return _show_import(request, error=str(error), pasted=pasted, status=422)
    return _show_preview(request, checked(documents))


def _save(request: SignedInRequest, documents: list[Incoming]) -> HttpResponse:
    chosen = [one for one in documents if one.is_chosen]
    if not chosen or not all(one.can_be_saved for one in chosen):
        return _show_preview(request, documents, refused=True)
    try:
        tasks = save_all(documents, request.user)
    except SpecError as error:  # the name was taken in this very moment
        messages.error(request, f"Nothing was imported: {error}.")
        return _show_preview(request, checked(documents), refused=True)
    if len(tasks) == 1:
        messages.success(request, f"Task {tasks[0].name!r} is imported.")
        return redirect("task_detail", tasks[0].pk)
    messages.success(request, f"{len(tasks)} tasks are imported.")
    return redirect("task_list")


def _show_import(request: SignedInRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"section": "tasks"}
    return render(request, "tasks_app/task_import.html", context, status=status)


def _show_preview(
    request: SignedInRequest, documents: Iterable[Incoming], *, refused: bool = False
) -> HttpResponse:
    previews = [Preview(one, index) for index, one in enumerate(documents)]
    context = {
        "section": "tasks",
        "previews": previews,
        "refused": refused,
        "num_good": sum(preview.one.can_be_saved for preview in previews),
    }
    status = 422 if refused else 200
    return render(request, "tasks_app/task_import_preview.html", context, status=status)


@dataclass(frozen=True)
class Preview:
    """What a document would become, in words."""

    one: Incoming
    index: int

    @property
    def asked_secrets(self) -> list[tuple[str, str]]:
        """Field name and place of each."""
        places = self.one.masked_places
        return [(f"{SECRET_FIELD}-{self.index}-{place}", place) for place in places]

    @property
    def space(self) -> list[tuple[str, str]]:
        parameters = self.one.spec.to_data()["parameters"] if self.one.spec else {}
        return [(name, words.domain(data)) for name, data in parameters.items()]

    @property
    def configurations(self) -> int:
        """That a run would try, the baseline not counted."""
        return planned(self.one.spec) - 1 if self.one.spec else 0

    @property
    def warnings(self) -> list[Problem]:
        """What the schema and this machine have to say."""
        spec = self.one.spec
        if spec is None:
            return []
        warnings = [*self.one.warnings, *gpu_warnings(spec, gpu_count())]
        return warnings + (site_volume_problems(spec) if spec.deployment_mode == "docker" else [])
