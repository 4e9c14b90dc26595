"""Presets to look at and to take away: the list, a preset's page, its file."""

from itertools import groupby

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from tasks_app.models import Task
from tasks_app.presets import PresetInfo, all_presets, find_preset, presets_for
from tasks_app.presets.document import check_preset
from tasks_app.presets.file import dump_presets
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import site_runtimes


@require_safe
def preset_list(request: SignedInRequest) -> HttpResponse:
    """By runtime; `?runtime=` shows one alone, `?task=` those to be merged into that task."""
    presets = sorted(all_presets(), key=lambda preset: preset.base_runtime)
    groups = {name: list(group) for name, group in groupby(presets, lambda p: p.base_runtime)}
    task = task_or_404(request.GET["task"]) if "task" in request.GET else None
    wanted = task.base_runtime if task else request.GET.get("runtime", "")
    context = {
        "section": "presets",
        "task": task,
        "runtimes": list(groups),
        "runtime": wanted if wanted in groups else "",
        "groups": {wanted: groups.get(wanted, [])} if task or wanted in groups else groups,
    }
    return render(request, "tasks_app/preset_list.html", context)


@require_safe
def preset_detail(request: SignedInRequest, key: str) -> HttpResponse:
    preset = preset_or_404(key)
    runtime = site_runtimes().find(preset.base_runtime)
    described = runtime.flags if runtime else {}
    context = {
        "section": "presets",
        "preset": preset,
        "flags": [(flag, described.get(flag.name)) for flag in preset.flags],
        "made_from": runtime.made_from if runtime else "",
        "problems": _problems(preset),
    }
    return render(request, "tasks_app/preset_detail.html", context)


@require_safe
def preset_export(request: SignedInRequest, key: str) -> HttpResponse:
    preset = preset_or_404(key)
    return _file([preset], f"{preset.base_runtime}-{preset.name}")


@require_safe
def presets_export(request: SignedInRequest) -> HttpResponse:
    """All presets of `?runtime=`, in one file."""
    runtime = request.GET.get("runtime", "")
    presets = presets_for(runtime)
    if not presets:
        raise Http404("No presets for this engine.")
    return _file(presets, f"{runtime}-presets")


def preset_or_404(key: str) -> PresetInfo:
    preset = find_preset(key)
    if preset is None:
        raise Http404("No such preset.")
    return preset


def task_or_404(number: str) -> Task:
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        raise Http404("No such task.")
    return get_object_or_404(Task, pk=int(number))


def _problems(preset: PresetInfo) -> tuple[Problem, ...]:
    """What a task of this preset would be told today: runtimes change under stored presets."""
    try:
        return tuple(check_preset(preset.to_data(), catalogue=site_runtimes())[1])
    except SpecError as error:
        return error.problems


def _file(presets: list[PresetInfo], name: str) -> HttpResponse:
    response = HttpResponse(dump_presets(presets), content_type="application/yaml; charset=utf-8")
    filename = f"{slugify(name, allow_unicode=True) or 'preset'}.yaml"
    response["Content-Disposition"] = content_disposition_header(True, filename) or ""
    return response
