"""One experiment: what was started, how long each phase took, all that was measured."""

from pathlib import Path

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app import logs
from experiments_app.charts.draw_usage import draw_panel
from experiments_app.charts.usage import drawn_panels
from experiments_app.models import Experiment
from experiments_app.report import ExperimentReport


@require_safe
def experiment_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    experiment = get_object_or_404(Experiment.objects.select_related("task"), pk=pk)
    report = ExperimentReport.load(experiment)
    charts = [(panel, draw_panel(panel)) for panel in drawn_panels(report.usage)]
    context = {"section": "tasks", "report": report, "usage_charts": charts}
    template = "experiments_app/experiment_detail.html"
    return render(request, template + ("#live" if request.htmx else ""), context)


@require_safe
def experiment_log(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The log of the inference server that the experiment started."""
    experiment = get_object_or_404(Experiment, pk=pk)
    if not experiment.log_path:
        raise Http404("There is no log yet.")
    name = f"task_{experiment.task_id}_run_{experiment.run}_experiment_{experiment.number}.log"
    return logs.respond(request, Path(experiment.log_path), name)
