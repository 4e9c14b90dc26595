"""A container's description as a Compose file."""

from collections.abc import Mapping
from typing import Any

from experiments_app.containers.description import LOG_OPTIONS, LOOPBACK, ContainerDescription
from experiments_app.yaml_text import documents


def compose_file(description: ContainerDescription, service: str) -> str:
    """YAML for `docker compose up`: the same container as `create_arguments()` makes.

    A secret stands as its variable's name alone: Compose then takes the value from the shell.
    """
    return documents([{"services": {service: compose_service(description)}}])


def compose_service(description: ContainerDescription) -> dict[str, Any]:
    found: dict[str, Any] = {
        "image": description.image,
        "entrypoint": [description.entrypoint[0]] if description.entrypoint else None,
        "command": list(description.command),
        "network_mode": description.network,
        "ports": None
        if description.network == "host"
        else [f"{LOOPBACK}:{description.port}:{description.port}"],
        "ipc": description.ipc,
        "shm_size": description.shm_size_bytes,
        "mem_limit": description.memory_bytes,
        "memswap_limit": description.memory_bytes,
        "cpus": description.cpus,
        "ulimits": {
            name: {"soft": limit, "hard": limit} for name, limit in description.ulimits.items()
        },
        "environment": {
            name: None if name in description.secrets else value
            for name, value in description.environment.items()
        },
        "volumes": [
            {
                "type": "bind",
                "source": str(mount.source),
                "target": mount.target,
                "read_only": mount.read_only,
            }
            for mount in description.mounts
        ],
        "logging": {"driver": "json-file", "options": dict(LOG_OPTIONS)},
        "deploy": _gpus(description),
    }
    empty: tuple[object, ...] = (None, [], {})
    given = {key: value for key, value in found.items() if value not in empty}
    escaped: dict[str, Any] = _escaped(given)
    return escaped


def _gpus(description: ContainerDescription) -> dict[str, Any] | None:
    if not (description.gpu_ids or description.gpus):
        return None
    which: Mapping[str, Any] = (
        {"device_ids": list(description.gpu_ids)}
        if description.gpu_ids
        else {"count": description.gpus}
    )
    # No driver is named, as none was: Docker finds it by the capability.
    device = {**which, "capabilities": ["gpu"]}
    return {"resources": {"reservations": {"devices": [device]}}}


def _escaped(value: Any) -> Any:
    """Compose puts variables in where a dollar stands alone."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return value
