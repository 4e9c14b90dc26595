"""The site and its machine: what the page System shows, and who is asking."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from autotuner_site.roles import Role, role_of
from autotuner_site.templatetags.site import site_version
from experiments_app.api.auth import ApiRequest
from experiments_app.api.routing import ApiRouter
from experiments_app.api.schemas import Json, Me
from experiments_app.monitoring import health
from experiments_app.site_settings import settings_in_force
from experiments_app.system import sections
from experiments_app.system.settings_shown import fixed_settings

router = ApiRouter(tags=["system"])
account = ApiRouter(tags=["account"])
Section = Literal["docker", "gpus", "containers", "images", "models", "storage"]


class SettingOut(BaseModel):
    """`value` as anybody may see it; `source`: the environment, `.env`, the page, the default."""

    name: str
    value: str
    source: str


class SystemOut(BaseModel):
    version: str
    checks: dict[str, str]
    settings: list[SettingOut]
    hub: Json


@router.call("GET", "", answer=SystemOut)
def read_system(request: ApiRequest) -> object:
    """Read the state of the site: version, health, settings in force."""
    shown = [*settings_in_force().values(), *fixed_settings()]
    hub = dict(sections.hub())
    return {
        "version": site_version(),
        "checks": health.examine(),
        "settings": [
            {"name": one.name, "value": one.shown, "source": str(one.source)} for one in shown
        ],
        "hub": hub | {"home": str(hub["home"] or "")},
    }


@router.call("GET", "/{section}", answer=Json, errors=(422,))
def read_system_section(request: ApiRequest, section: Section) -> object:
    """Read one part of the machine's state; some take seconds to ask for.

    Of Docker, containers and images `reachable` says whether an engine answers.
    """
    return SHAPES[section](sections.SECTIONS[section]())


@account.call("GET", "", answer=Me, role=Role.NONE)
def read_me(request: ApiRequest) -> object:
    """Read who is signed in, and with which token."""
    token = request.api_token
    names = ("name", "prefix", "created_at", "expires_at")
    return {
        "username": request.user.get_username(),
        "role": role_of(request.user).word,
        "token": {name: getattr(token, name) for name in names} if token else None,
    }


def _docker(found: Mapping[str, Any]) -> Json:
    if error := found.get("error"):
        return {"reachable": False, "message": error.message, "remedy": error.remedy}
    names = ("version", "system", "root", "disk_left_bytes", "has_nvidia", "containers_running")
    return {"reachable": True, **_picked(found["state"], *names)}


def _gpus(found: Mapping[str, Any]) -> Json:
    names = ("uuid", "index", "label", "name", "memory_total_bytes", "memory_used_bytes")
    more = ("utilisation_percent", "power_w", "used_by")
    return {
        "driver_version": found["driver"],
        "faults": list(found["faults"]),
        "gpus": [_picked(gpu, *names, *more) for gpu in found["found"]],
    }


def _containers(found: Mapping[str, Any]) -> Json:
    rows = [
        {
            **_picked(one, "id", "name", "image", "state", "created_at"),
            "experiment": one.experiment.pk if one.experiment else None,
            **(_picked(usage, "cpu_cores", "memory_bytes") if usage else {}),
        }
        for one, usage in found.get("rows", ())
    ]
    return {"reachable": not found.get("unreachable"), "containers": rows}


def _images(found: Mapping[str, Any]) -> Json:
    rows = [
        {
            **_picked(row.image, "id", "size_bytes", "created_at"),
            "names": list(row.image.names),
            **_picked(row, "last_used_at", "used_by"),
        }
        for row in found.get("rows", ())
    ]
    return {"reachable": not found.get("unreachable"), "images": rows}


def _models(found: Mapping[str, Any]) -> Json:
    names = ("repo_id", "size_bytes", "revisions", "last_used_at")
    rows = [
        {**_picked(row.model, *names), "broken": bool(row.model.broken), "used_by": row.used_by}
        for row in found.get("rows", ())
    ]
    return {
        "folder": str(found["folder"]),
        "message": str(found.get("error", "")),
        "models": rows,
        "total_bytes": found.get("total_bytes"),
        "disk_left_bytes": found.get("disk_left_bytes"),
    }


def _storage(found: Mapping[str, Any]) -> Json:
    rooms = [
        {"folder": str(room.folder), **_picked(room, "free_bytes", "least_bytes", "is_short")}
        for room in found["rooms"]
    ]
    return {
        "rooms": rooms,
        "bytes": dict(found["rows"]),
        "counts": dict(found["counts"]),
        "kept": {rule.setting: rule.kept for rule in found["rules"]},
    }


def _picked(one: object, *names: str) -> Json:
    return {name: getattr(one, name) for name in names}


SHAPES: Mapping[str, Callable[[Mapping[str, Any]], Json]] = {
    "docker": _docker,
    "gpus": _gpus,
    "containers": _containers,
    "images": _images,
    "models": _models,
    "storage": _storage,
}
