"""Is this machine fit to tune on: for the first steps, and whenever somebody wonders."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.system.machine_checks import GROUPS, check


@require_safe
def machine_checks(request: SignedInRequest) -> HttpResponse:
    """Each group is asked for after the page; with `?all` they come with it, for a browser
    without JavaScript."""
    found = {name: check(name) for name in GROUPS} if "all" in request.GET else {}
    context = {
        "section": "system",
        "groups": [(group, found.get(name)) for name, group in GROUPS.items()],
    }
    return render(request, "experiments_app/machine_checks.html", context)


@require_safe
def machine_check(request: SignedInRequest, name: str) -> HttpResponse:
    if name not in GROUPS:
        raise Http404("No such checks.")
    context = {"group": GROUPS[name], "checked": check(name)}
    return render(request, "experiments_app/_machine_check.html", context)
