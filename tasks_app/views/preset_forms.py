"""Presets of one's own: written, changed, deleted, imported."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from autotuner_site.requests import SignedInRequest
from tasks_app.models import Preset
from tasks_app.presets import PresetInfo
from tasks_app.presets.forms import ImportForm, PresetForm
from tasks_app.presets.keeping import next_name
from tasks_app.runtimes import site_runtimes
from tasks_app.views.presets import preset_or_404, task_or_404


@require_http_methods(["GET", "HEAD", "POST"])
def preset_new(request: SignedInRequest) -> HttpResponse:
    """An empty form, `?from=` a copy of a preset, `?task=` the flags of a task."""
    form = PresetForm(request.POST or None, document=_start(request))
    saved = form.save(request.user) if form.is_valid() else None
    if saved is not None:
        return _saved(request, saved, form, f"The preset {saved.name!r} is kept.")
    return _show(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
def preset_edit(request: SignedInRequest, key: str) -> HttpResponse:
    row = own_or_404(key)
    document = PresetInfo.of_row(row).to_data()
    form = PresetForm(request.POST or None, document=document, row=row)
    saved = form.save(request.user) if form.is_valid() else None
    if saved is not None:
        return _saved(request, saved, form, "The preset is saved.")
    return _show(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
def preset_delete(request: SignedInRequest, key: str) -> HttpResponse:
    row = own_or_404(key)
    if request.method == "POST":
        row.delete()
        messages.success(request, f"The preset {row.name!r} is deleted.")
        return redirect("preset_list")
    context = {"section": "presets", "preset": PresetInfo.of_row(row)}
    return render(request, "tasks_app/preset_delete.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def preset_import(request: SignedInRequest) -> HttpResponse:
    is_sent = request.method == "POST"
    form = ImportForm(request.POST if is_sent else None, request.FILES if is_sent else None)
    saved = form.save(request.user) if form.is_valid() else None
    if saved is None:
        context = {"section": "presets", "form": form}
        status = 422 if form.is_bound else 200
        return render(request, "tasks_app/preset_import.html", context, status=status)
    rows, notes = saved
    count = "1 preset is" if len(rows) == 1 else f"{len(rows)} presets are"
    messages.success(request, " ".join([f"{count} imported.", *notes]))
    for warning in form.warnings:
        messages.warning(request, str(warning))
    if len(rows) == 1:
        return redirect("preset_detail", PresetInfo.of_row(rows[0]).key)
    return redirect("preset_list")


def own_or_404(key: str) -> Preset:
    preset = preset_or_404(key)
    if preset.pk is None:
        raise Http404("A preset that comes with the product cannot be changed.")
    return get_object_or_404(Preset, pk=preset.pk)


def _start(request: SignedInRequest) -> dict[str, Any]:
    """What the new form starts from."""
    if key := request.GET.get("from"):
        preset = preset_or_404(key)
        return preset.to_data() | {"name": next_name(preset.name, preset.base_runtime)}
    if number := request.GET.get("task"):
        task = task_or_404(number)
        return {
            "name": next_name(task.name, task.base_runtime),
            "base_runtime": task.base_runtime,
            "parameters": task.parameters,
            "fixed_parameters": task.fixed_parameters,
        }
    names = site_runtimes().names
    wanted = request.GET.get("runtime", "")
    return {"base_runtime": wanted if wanted in names else names[0] if names else ""}


def _saved(request: SignedInRequest, row: Preset, form: PresetForm, done: str) -> HttpResponse:
    messages.success(request, done)
    for warning in form.warnings:
        messages.warning(request, str(warning))
    return redirect("preset_detail", PresetInfo.of_row(row).key)


def _show(request: SignedInRequest, form: PresetForm) -> HttpResponse:
    preset = PresetInfo.of_row(form.row) if form.row else None
    context = {"section": "presets", "form": form, "preset": preset}
    status = 409 if form.stored else 422 if form.is_bound else 200
    return render(request, "tasks_app/preset_form.html", context, status=status)
