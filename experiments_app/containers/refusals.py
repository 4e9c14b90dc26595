"""Why the Docker engine does not create or start a container, in words for the user."""

import re

from experiments_app.engine_error import EngineError, FailureKind

CAUSES: tuple[tuple[FailureKind, str, str], ...] = (
    (
        FailureKind.DRIVER_MISSING,
        (
            r"could not select device driver|nvidia-container-cli|libnvidia|nvml error"
            r"|unresolvable CDI devices|unknown or invalid runtime name: nvidia"
        ),
        (
            "Install the NVIDIA driver and the NVIDIA Container Toolkit, run nvidia-ctk runtime"
            " configure, and restart Docker; or set use_gpus: false for an engine on the CPU."
        ),
    ),
    (
        FailureKind.CONTAINER_REFUSED,
        r"error setting rlimit|invalid ulimit",
        "This Docker engine may not set that limit: leave it out under container.ulimits.",
    ),
    (
        FailureKind.PORT_TAKEN,
        r"port is already allocated|address already in use",
        "Another program took the port meanwhile; the next attempt takes another.",
    ),
    (
        FailureKind.COMMAND_NOT_FOUND,
        (
            r"executable file not found|stat \S+: no such file or directory|exec format error"
            r"|exec: .*(no such file|permission denied)"
        ),
        (
            "The image does not hold the runtime's command: check the image, or the runtime's"
            " entrypoint and container_command."
        ),
    ),
    (
        FailureKind.CONTAINER_REFUSED,
        r"bind source path does not exist|invalid mount config|mount.*(denied|not shared)",
        "Docker cannot see that folder of this host; with Docker Desktop it must be shared.",
    ),
    (FailureKind.IMAGE_MISSING, r"no such image", "It was removed meanwhile."),
    (
        FailureKind.CONTAINER_REFUSED,
        r"range of CPUs|memory limit|minimum memory|cpu.*not available",
        "Mend container.cpus or container.memory_gib.",
    ),
    (FailureKind.DISK_FULL, r"no space left", "Free some space where Docker keeps its data."),
)


def explain(text: str) -> EngineError:
    """`text`: the engine's own words."""
    words = " ".join(text.split())[:600].rstrip(".")
    for kind, pattern, remedy in CAUSES:
        if re.search(pattern, words, re.IGNORECASE):
            return EngineError(kind, f"Docker did not start the container: {words}. {remedy}")
    return EngineError(
        FailureKind.CONTAINER_REFUSED, f"Docker did not start the container: {words}."
    )
