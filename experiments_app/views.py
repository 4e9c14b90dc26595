"""One experiment: what was started, how long each phase took, all that was measured."""

from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from autotuner_site.requests import SignedInRequest
from experiments_app import logs
from experiments_app.answer_texts import answer_texts
from experiments_app.charts.draw_usage import draw_panel
from experiments_app.charts.usage import drawn_panels
from experiments_app.following import SHOWN_ANEW_EVERY_S, experiment_stamp, marked
from experiments_app.log_search import show_search
from experiments_app.models import Experiment
from experiments_app.neighbours import Neighbours
from experiments_app.report import ExperimentReport
from experiments_app.steps import steps_of
from experiments_app.verification import verification_stamp
from experiments_app.verification_view import VerificationView

PAGE = "experiments_app/experiment_detail.html"


@require_safe
def experiment_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """The page that follows an experiment: the polled part of it is the partial `live`."""
    experiment = Experiment.objects.filter(pk=pk).select_related("task").first()
    if experiment is None and request.htmx:
        return HttpResponseClientRefresh()  # deleted under an open page
    if experiment is None:
        raise Http404
    if not request.htmx:
        return marked(render(request, PAGE, _context(experiment)))
    verified = verification_stamp(experiment)
    etag = f'"{experiment_stamp(experiment, _log_size(experiment), request.user.pk, verified)}"'
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        return marked(unchanged, etag)
    return marked(render(request, f"{PAGE}#live", _context(experiment)), etag)


@require_safe
def experiment_log(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The log of the inference server that the experiment started; `?q=` for lines of it."""
    experiment = get_object_or_404(Experiment.objects.select_related("task"), pk=pk)
    if not experiment.log_path:
        raise Http404("There is no log yet.")
    path = Path(experiment.log_path)
    if "q" in request.GET:
        title = f"{experiment.task.name} #{experiment.number}"
        return show_search(request, path, title, back=reverse("experiment_detail", args=[pk]))
    name = f"task_{experiment.task_id}_run_{experiment.run}_experiment_{experiment.number}.log"
    return logs.respond(request, path, name)


def _context(experiment: Experiment) -> dict[str, Any]:
    report = ExperimentReport.load(experiment)
    in_container = report.spec.deployment_mode == "docker"
    return {
        "section": "tasks",
        "report": report,
        "near": Neighbours.of(experiment, report.objective, report.final),
        "steps": steps_of(experiment, timezone.now(), in_container=in_container),
        "log": report.log,
        "log_size": _log_size(experiment),
        "usage_charts": _usage_charts(report),
        **_deployed(report),
    }


def _deployed(report: ExperimentReport) -> dict[str, Any]:
    """What it is deployed with, and whether it was seen to keep what was promised."""
    experiment, original = report.experiment, report.original or report.experiment
    verified = VerificationView.of(original, report.spec, is_under_way=report.run_goes_on)
    is_measured = original.status == Experiment.Status.SUCCESS
    return {
        "texts": answer_texts(report.spec, original) if is_measured else [],
        "verified": verified,
        "verification": verified.of_execution(experiment),
        "is_followed": report.is_open or verified.open_one is not None,
    }


def _usage_charts(report: ExperimentReport) -> list[tuple[Any, str]]:
    """Drawn anew only now and then while they grow: a drawing takes longer than all the rest."""
    experiment = report.experiment
    panels = drawn_panels(report.usage)
    if not report.is_open:
        return [(panel, draw_panel(panel)) for panel in panels]
    moment = int(timezone.now().timestamp()) // SHOWN_ANEW_EVERY_S
    key = f"usage:{experiment.pk}:{experiment.attempt}:{experiment.status}:{moment}"
    drawn: list[tuple[Any, str]] | None = cache.get(key)
    if drawn is None:
        drawn = [(panel, draw_panel(panel)) for panel in panels]
        cache.set(key, drawn, 2 * SHOWN_ANEW_EVERY_S)
    return drawn


def _log_size(experiment: Experiment) -> int:
    return logs.size(Path(experiment.log_path)) if experiment.log_path else 0
