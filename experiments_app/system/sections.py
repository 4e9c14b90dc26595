"""What the sections of the page show; each is asked for by itself."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from experiments_app.containers.client import DockerUnreachable
from experiments_app.disk import free_under
from experiments_app.hub import HubError, hf_home
from experiments_app.network import network_environment
from experiments_app.site_settings import value_of
from experiments_app.system import our_containers, stored
from experiments_app.system.docker_state import engine, look
from experiments_app.system.hub_check import proxy_for
from experiments_app.system.storage import storage
from tasks_app.masking import mask_urls

Section = Mapping[str, Any]


def docker_section() -> Section:
    try:
        with engine() as client:
            return {"state": look(client)}
    except DockerUnreachable as error:
        return {"error": error}


def containers() -> Section:
    try:
        with engine() as client:
            found = our_containers.find_containers(client)
            running = [container.id for container in found if container.is_running]
            usage = our_containers.usage_of(client, running)
    except DockerUnreachable:
        return {"unreachable": True}
    rows = [(container, usage.get(container.id)) for container in found]
    return {"rows": rows, "is_followed": bool(running)}


def images() -> Section:
    try:
        with engine() as client:
            return {"rows": stored.stored_images(client)}
    except DockerUnreachable:
        return {"unreachable": True}


def gpus() -> Section:
    from experiments_app.gpus import survey

    found = survey()
    return {"found": found.gpus, "driver": found.driver_version, "faults": found.faults}


def models() -> Section:
    folder = hf_home()
    try:
        found = stored.stored_models()
    except HubError as error:
        return {"folder": folder, "error": error}
    return {
        "folder": folder,
        "rows": found,
        "total_bytes": sum(row.model.size_bytes for row in found),
        "disk_left_bytes": free_under(folder),
    }


def hub() -> Section:
    """Asks nobody: what the hub is going to be asked through."""
    environment = network_environment()
    endpoint = value_of("HF_ENDPOINT")
    return {
        "endpoint": mask_urls(endpoint),
        "proxy": mask_urls(proxy_for(endpoint, environment)),
        "has_token": "HF_TOKEN" in environment,
        "is_offline": "HF_HUB_OFFLINE" in environment,
        "trust": environment.get("SSL_CERT_FILE", ""),
        "home": settings.HF_HOME,
    }


SECTIONS: dict[str, Callable[[], Section]] = {
    "docker": docker_section,
    "gpus": gpus,
    "containers": containers,
    "images": images,
    "models": models,
    "storage": storage,
}
