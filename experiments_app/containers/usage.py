"""What a container uses, from the engine's own statistics."""

import time
from typing import Any

import docker
from docker.errors import DockerException
from requests import RequestException


class ContainerUsage:
    """A source for the sampler: `memory_bytes` without the page cache, and from the second call on
    `cpu_cores`, the mean since the call before. Empty while the engine does not tell."""

    def __init__(self, client: docker.DockerClient, container_id: str) -> None:
        self._client = client
        self._id = container_id
        self._seen: tuple[float, float] | None = None  # seconds of CPU, at

    def cpu_s(self) -> float | None:
        """Processor time so far; None while the engine does not tell."""
        try:
            return _cpu_s(self._ask())
        except (DockerException, RequestException, OSError, KeyError):
            return None

    def _ask(self) -> Any:
        return self._client.api.stats(self._id, stream=False, one_shot=True)

    def __call__(self) -> dict[str, float]:
        try:
            stats = self._ask()
            used_s = _cpu_s(stats)
            memory = stats["memory_stats"]
            details = memory.get("stats", {})
            cached_bytes = details.get("total_inactive_file", details.get("inactive_file", 0))
            usage = {"memory_bytes": float(memory["usage"] - cached_bytes)}
        except (DockerException, RequestException, OSError, KeyError):
            return {}
        now_s = time.monotonic()
        if self._seen is not None and now_s > self._seen[1]:
            usage["cpu_cores"] = (used_s - self._seen[0]) / (now_s - self._seen[1])
        self._seen = (used_s, now_s)
        return usage


def _cpu_s(stats: Any) -> float:
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
