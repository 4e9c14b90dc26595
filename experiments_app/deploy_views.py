"""Taking a measured configuration along, and verifying that it keeps what was promised."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app import verification
from experiments_app.artefacts import MAKERS, artefact_of
from experiments_app.models import Experiment
from tasks_app.models import Run, StaleState
from tasks_app.problems import SpecError


@require_safe
def experiment_deploy(request: SignedInRequest, pk: int, kind: str) -> HttpResponse:
    """One form of it as a file."""
    if kind not in MAKERS:
        raise Http404(f"There is no {kind!r}; there are: {', '.join(MAKERS)}.")
    experiment = _experiment(pk).original()
    spec = Run.objects.get(task=experiment.task, number=experiment.run).task_spec
    made = artefact_of(spec, experiment, kind)
    if made is None:
        raise Http404(f"This cannot be deployed as {kind}.")
    disposition = content_disposition_header(True, made.file_name) or ""
    return HttpResponse(
        made.file_text,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": disposition},
    )


@require_POST
def experiment_verify(request: SignedInRequest, pk: int) -> HttpResponse:
    """To the page that follows the verification; to the experiment's where there is none."""
    experiment = _experiment(pk)
    started = _attempt(request, partial(verification.verify, experiment, user=request.user))
    return redirect("experiment_detail", started.pk if started else pk)


@require_POST
def verification_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    execution = _experiment(pk)
    _attempt(request, partial(verification.cancel, execution, user=request.user))
    return redirect("experiment_detail", pk)


def _attempt(
    request: SignedInRequest, action: Callable[[], Experiment | None]
) -> Experiment | None:
    """Do it, or say why not."""
    try:
        return action()
    except (StaleState, SpecError) as error:
        messages.error(request, str(error))
        return None


def _experiment(pk: int) -> Experiment:
    return get_object_or_404(Experiment.objects.select_related("task"), pk=pk)
