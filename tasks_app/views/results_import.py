"""Results of other sites: taken in for the search to learn from, listed, and forgotten."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from autotuner_site.requests import SignedInRequest
from experiments_app.past_import import MAX_BYTES, import_results
from tasks_app.models import PastResults
from tasks_app.problems import SpecError

MOST_SHOWN = 200


@require_http_methods(["GET", "HEAD", "POST"])
def results_import(request: SignedInRequest) -> HttpResponse:
    if request.method != "POST":
        return _show(request)
    if "forget" in request.POST:
        return _forget(request, request.POST["forget"])
    file = request.FILES.get("file")
    if file is None:
        return _show(request, error="Choose a file.", status=422)
    try:
        results, is_new = import_results(file.read(MAX_BYTES + 1), user=request.user)
    except SpecError as error:
        return _show(request, error=f"{file.name}: {error}", status=422)
    told = "is imported" if is_new else "was known already: nothing changed"
    messages.success(request, f"{results} {told}.")
    return redirect("results_import")


def _forget(request: SignedInRequest, pk: str) -> HttpResponse:
    if pk.isascii() and pk.isdecimal() and len(pk) < 10:
        PastResults.objects.filter(pk=int(pk)).delete()
        messages.success(request, "The results are forgotten; runs that have started keep them.")
    return redirect("results_import")


def _show(request: SignedInRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    past = PastResults.objects.select_related("imported_by")[:MOST_SHOWN]
    context |= {"section": "tasks", "past": past}
    return render(request, "tasks_app/results_import.html", context, status=status)
