"""Why a server could not be started, did not get ready, or ended: the error of this boundary."""

from enum import StrEnum


class FailureKind(StrEnum):
    """Why an engine failed, as far as its exit and its log tell."""

    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_GPU_MEMORY = "out_of_gpu_memory"
    BAD_FLAG = "bad_flag"
    MODEL_NOT_FOUND = "model_not_found"
    MODEL_GATED = "model_gated"
    MODEL_BROKEN = "model_broken"
    NETWORK = "network"
    PORT_TAKEN = "port_taken"
    COMMAND_NOT_FOUND = "command_not_found"
    DRIVER_MISSING = "driver_missing"
    DISK_FULL = "disk_full"
    IMAGE_MISSING = "image_missing"
    REGISTRY_REFUSED = "registry_refused"
    CONTAINER_REFUSED = "container_refused"  # the Docker engine does not take its settings
    DOCKER_UNREACHABLE = "docker_unreachable"
    DOCKER_RESTARTED = "docker_restarted"
    TIME_OUT = "time_out"
    CRASHED = "crashed"  # ended by a signal or an assertion, cause unknown
    OTHER = "other"


class EngineError(Exception):
    """A server that could not be started, did not get ready, or ended by itself.

    `message` is one or a few sentences for the user; `log_tail` holds the log's last lines.
    """

    def __init__(self, kind: FailureKind, message: str, *, log_tail: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.log_tail = log_tail

    def __str__(self) -> str:
        if not self.log_tail:
            return self.message
        return f"{self.message}\nLast lines of its log:\n{self.log_tail}"
