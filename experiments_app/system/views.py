"""The page of this machine: settings, Docker, GPUs, images, models, containers.

All may look; only administrators may change something, and of containers only this site's.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec

import docker
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.containers.client import DockerUnreachable
from experiments_app.engine_error import EngineError
from experiments_app.hub import HubError
from experiments_app.site_settings import settings_in_force
from experiments_app.system import our_containers, sections, stored
from experiments_app.system.docker_state import engine
from experiments_app.system.forms import SettingsForm
from experiments_app.system.hub_check import check_hub
from experiments_app.system.settings_shown import fixed_settings
from tasks_app.audit import record

P = ParamSpec("P")
View = Callable[Concatenate[SignedInRequest, P], HttpResponse]


def docker_needed(view: View[P]) -> View[P]:
    """Where the engine does not answer, the page says so instead."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DockerUnreachable as error:
            messages.error(request, f"Docker: {error}.")
        return redirect("system")

    return guarded


@require_safe
def system(request: SignedInRequest) -> HttpResponse:
    """What may take its time is asked for after the page: `?show=docker` gives that section, a
    partial of that name; `?show=all` all at once, for a browser without JavaScript."""
    wanted = request.GET.get("show", "")
    if request.htmx and wanted in sections.SECTIONS:
        context = {"request": request, wanted: sections.SECTIONS[wanted]()}
        return render(request, f"experiments_app/system.html#{wanted}", context)
    return _system_page(request, sections.SECTIONS if wanted == "all" else [wanted])


def _system_page(request: SignedInRequest, shown: Iterable[str], **more: Any) -> HttpResponse:
    context: dict[str, Any] = {
        "section": "system",
        "settable": list(settings_in_force().values()),
        "fixed": fixed_settings(),
        "hub": sections.hub(),
        **{name: sections.SECTIONS[name]() for name in shown if name in sections.SECTIONS},
        **more,
    }
    return render(request, "experiments_app/system.html", context)


@require_POST
def test_connection(request: SignedInRequest) -> HttpResponse:
    """Ask the hub now; the answer stands in the page."""
    found = check_hub()
    if request.htmx:
        context = {"hub": sections.hub(), "hub_answer": found}
        return render(request, "experiments_app/system.html#hub", context)
    return _system_page(request, [], hub_answer=found)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def system_settings(request: SignedInRequest) -> HttpResponse:
    form = SettingsForm(settings_in_force(), request.POST if request.method == "POST" else None)
    if form.is_valid():
        changed = form.save(request.user)
        done = f"Saved: {', '.join(changed)}." if changed else "Nothing was changed."
        messages.success(request, done)
        return redirect("system")
    status = 422 if form.is_bound else 200
    context = {"section": "system", "form": form}
    return render(request, "experiments_app/system_settings.html", context, status=status)


@require_safe
@docker_needed
def container(request: SignedInRequest, container_id: str) -> HttpResponse:
    """The end of its output, followed while it runs."""
    with engine() as client:
        found = _find_container(client, container_id)
        usage = our_containers.usage_of(client, [found.id] if found.is_running else [])
        log = our_containers.log_tail(client, found)
    context = {"section": "system", "one": found, "usage": usage.get(found.id), "log": log}
    template = "experiments_app/system_container.html" + ("#live" if request.htmx else "")
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@docker_needed
def container_stop(request: SignedInRequest, container_id: str) -> HttpResponse:
    with engine() as client:
        found = _find_container(client, container_id)
    if request.method == "POST":
        return _remove(
            request, found.name, lambda: our_containers.stop_container(found), ("stop", "stopped")
        )
    return _confirm(
        request,
        title="Stop this container?" if found.is_running else "Remove this container?",
        name=found.name,
        facts=_container_facts(found),
        button="Stop it" if found.is_running else "Remove it",
    )


def _find_container(client: docker.DockerClient, container_id: str) -> our_containers.OurContainer:
    found = our_containers.find_container(client, container_id)
    if found is None:
        raise Http404("No container of this site has that id.")
    return found


def _container_facts(found: our_containers.OurContainer) -> str:
    if found.is_owned:
        return (
            f"It serves {found.experiment}, which is under way: that experiment fails, and its"
            " task goes on with the next one."
        )
    return "No experiment needs it any more. It is removed, with its output."


@require_http_methods(["GET", "HEAD", "POST"])
@docker_needed
def image_remove(request: SignedInRequest, image_id: str) -> HttpResponse:
    with engine() as client:
        known = stored.stored_images(client)
        found = next((one for one in known if one.image.id == image_id), None)
    if found is None:
        raise Http404("There is no such image.")
    if request.method == "POST":
        return _remove(request, found.name, lambda: stored.remove_stored_image(found))
    last_use = (
        f"An experiment of this site last used it on {found.last_used_at:%Y-%m-%d}."
        if found.last_used_at
        else "No experiment of this site has used it; others on this machine may want it."
    )
    return _confirm(
        request,
        title="Remove this image?",
        name=", ".join(found.image.names) or found.image.id,
        facts=f"{last_use} A task that needs it again must fetch it again.",
        button="Remove it",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def model_remove(request: SignedInRequest, repo_id: str) -> HttpResponse:
    try:
        known = stored.stored_models()
    except HubError as error:
        messages.error(request, str(error))
        return redirect("system")
    found = next((one for one in known if one.model.repo_id == repo_id), None)
    if found is None:
        raise Http404("There is no such model in the cache.")
    if request.method == "POST":
        return _remove(request, repo_id, lambda: stored.remove_stored_model(found))
    return _confirm(
        request,
        title="Remove this model?",
        name=repo_id,
        facts="All its files in the cache go. A task that needs it again must download it again.",
        button="Remove it",
    )


def _remove(
    request: SignedInRequest,
    name: str,
    action: Callable[[], bool],
    verb: tuple[str, str] = ("remove", "removed"),
) -> HttpResponse:
    """`action` tells whether it is done; else it goes on without this page."""
    try:
        done = action()
    except (stored.InUse, EngineError, HubError) as error:
        messages.error(request, str(error))
    except docker.errors.APIError as error:
        messages.error(request, f"Docker did not {verb[0]} {name}: {error.explanation}")
    else:
        record(f"machine.{verb[1]}", name, path=request.path)
        if done:
            messages.success(request, f"{name} is {verb[1]}.")
        else:
            messages.info(request, f"{name} is being {verb[1]}; look again in a moment.")
    return redirect("system")


def _confirm(request: SignedInRequest, **context: str) -> HttpResponse:
    return render(request, "experiments_app/system_confirm.html", {"section": "system", **context})
