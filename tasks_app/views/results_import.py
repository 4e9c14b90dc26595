"""Results of other sites: shown before they are stored, listed, and forgotten."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from autotuner_site.requests import SignedInRequest
from experiments_app.past_import import MAX_BYTES, import_results
from experiments_app.past_preview import PastPreview
from tasks_app.models import PastResults
from tasks_app.problems import SpecError

MOST_SHOWN = 200
MOST_FILES = 20
MOST_SENT = 8_000_000
"""Characters of what counts in the files that a preview sends back."""


@require_http_methods(["GET", "HEAD", "POST"])
def results_import(request: SignedInRequest) -> HttpResponse:
    """First the files, then the preview, and from that what is stored."""
    if request.method != "POST":
        return _show(request)
    if "forget" in request.POST:
        return _forget(request, request.POST["forget"])
    if request.POST.get("action") == "save":
        return _save(request)
    return _read(request, request.FILES.getlist("files"))


def _read(request: SignedInRequest, files: Sequence[UploadedFile]) -> HttpResponse:
    if not files:
        return _show(request, error="Choose a file.", status=422)
    if len(files) > MOST_FILES:
        return _show(request, error=f"At most {MOST_FILES} files at once.", status=422)
    previews = [PastPreview.of(file.read(MAX_BYTES + 1), file.name or "a file") for file in files]
    if sum(len(preview.text) for preview in previews) > MOST_SENT:
        told = "That is too much for this page: choose fewer files, or use the command."
        return _show(request, error=told, status=422)
    return _show_preview(request, previews)


def _save(request: SignedInRequest) -> HttpResponse:
    texts = request.POST.getlist("text")[:MOST_FILES]
    chosen = [int(n) for n in request.POST.getlist("chosen") if n.isascii() and n.isdecimal()]
    wanted = [(text, index in chosen) for index, text in enumerate(texts)]
    if not any(is_chosen for _, is_chosen in wanted):
        return _show_preview(request, _again(request, texts), refused="Choose what to import.")
    try:
        stored = [
            import_results(text.encode(), user=request.user)
            for text, is_chosen in wanted
            if is_chosen
        ]
    except SpecError as error:
        return _show_preview(request, _again(request, texts), refused=str(error))
    new = [str(results) for results, is_new in stored if is_new]
    if new:
        messages.success(request, f"Imported: {', '.join(new)}. Runs that start now learn from it.")
    else:
        messages.info(request, "That was known already: nothing changed.")
    return redirect("results_import")


def _again(request: SignedInRequest, texts: Iterable[str]) -> list[PastPreview]:
    sources = request.POST.getlist("source")
    return [
        PastPreview.of(text.encode(), sources[index] if index < len(sources) else "a file")
        for index, text in enumerate(texts)
    ]


def _forget(request: SignedInRequest, pk: str) -> HttpResponse:
    if pk.isascii() and pk.isdecimal() and len(pk) < 10:
        PastResults.objects.filter(pk=int(pk)).delete()
        messages.success(request, "The results are forgotten; runs that have started keep them.")
    return redirect("results_import")


def _show_preview(
    request: SignedInRequest, previews: Sequence[PastPreview], *, refused: str = ""
) -> HttpResponse:
    context = {
        "section": "tasks",
        "previews": previews,
        "refused": refused,
        "num_good": sum(preview.can_be_stored for preview in previews),
    }
    status = 422 if refused else 200
    return render(request, "tasks_app/results_import_preview.html", context, status=status)


def _show(request: SignedInRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    past = PastResults.objects.select_related("imported_by")[:MOST_SHOWN]
    context |= {"section": "tasks", "past": past}
    return render(request, "tasks_app/results_import.html", context, status=status)
