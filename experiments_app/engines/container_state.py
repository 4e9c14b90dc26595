"""The state of a running container, asked of an engine that may go away and come back."""

import time
from collections.abc import Mapping
from typing import Any

import docker
from docker.errors import DockerException, NotFound
from requests import RequestException

from experiments_app.containers.client import DockerUnreachable, open_client
from experiments_app.engine_error import EngineError, FailureKind
from experiments_app.engines.container_log import ContainerLog
from experiments_app.engines.failure import remedy_for

OUTAGE_LIMIT_S = 30.0
LOOK_EVERY_S = 0.5
LOOK_CLOSELY_S = 0.05
ENDS_WITHIN_S = 2.0
PING_TIMEOUT_S = 2.0
GOES_DOWN_WITHIN_S = 1.5
TAIL_LINES = 20


class ContainerState:
    """What `look()` saw last. `was_unreachable`: the engine went away, and what it says since is
    not that the container runs. `log_broke_off`: the output ended before the container."""

    def __init__(self, client: docker.DockerClient, container_id: str, log: ContainerLog) -> None:
        self._client = client
        self._id = container_id
        self._log = log
        self._state: Mapping[str, Any] = {"Running": True}
        self._looked_at_s = 0.0
        self._began_at: str | None = None  # as the engine has it; another one is another server
        self._log_ended_s: float | None = None
        self.unreachable_since_s: float | None = None
        self.was_unreachable = False
        self.log_broke_off = False

    @property
    def is_running(self) -> bool:
        return bool(self._state.get("Running"))

    @property
    def exit_code(self) -> int:
        """As Docker has it: 128 and the number of the signal that ended it."""
        return int(self._state.get("ExitCode", 0))

    @property
    def out_of_memory(self) -> bool:
        return bool(self._state.get("OOMKilled"))

    def look_anew(self) -> None:
        self._looked_at_s = 0.0
        self.look()

    def look(self) -> None:
        """Ask the engine for the container's state, a few times a second at most."""
        now_s = time.monotonic()
        if now_s - self._looked_at_s < self._look_every_s(now_s):
            return
        self._looked_at_s = now_s
        try:
            self._state = self._client.api.inspect_container(self._id)["State"]
        except NotFound:
            self._state = {"Running": False, "ExitCode": 0}
            raise self._taken_away("removed") from None
        except (DockerException, RequestException, OSError) as error:
            self._note_outage(error)
            return
        self.unreachable_since_s = None
        if not self._state.get("Running"):
            return
        self.was_unreachable = False
        self._began_at = self._began_at or self._state.get("StartedAt")
        if self._state.get("StartedAt") != self._began_at:
            raise self._taken_away("restarted")

    def _look_every_s(self, now_s: float) -> float:
        """Soon after its output ended it is looked at more closely: it has ended too, mostly."""
        if not self._log.has_ended:
            return LOOK_EVERY_S
        if self._log_ended_s is None:
            self._log_ended_s = now_s
        if now_s - self._log_ended_s < ENDS_WITHIN_S:
            return LOOK_CLOSELY_S
        self.log_broke_off = bool(self._state.get("Running"))
        return LOOK_EVERY_S

    def _taken_away(self, how: str) -> EngineError:
        return EngineError(
            FailureKind.CRASHED,
            f"The container was {how} by somebody else.",
            log_tail=self._log.capture.tail(TAIL_LINES),
        )

    def _note_outage(self, error: Exception) -> None:
        """An engine that restarts is away for seconds; the container tells afterwards."""
        self.was_unreachable = True
        since_s = self.unreachable_since_s
        if since_s is None:
            self.unreachable_since_s = time.monotonic()
        elif time.monotonic() - since_s > OUTAGE_LIMIT_S:
            kind = FailureKind.DOCKER_UNREACHABLE
            raise EngineError(
                kind,
                f"The Docker engine has not answered for {OUTAGE_LIMIT_S:g} s. {remedy_for(kind)}",
                log_tail=self._log.capture.tail(TAIL_LINES),
            ) from error

    def engine_goes_down(self) -> bool:
        """Whether the engine goes away now: it ends its containers first, and then itself."""
        deadline_s = time.monotonic() + GOES_DOWN_WITHIN_S
        while time.monotonic() < deadline_s:
            try:
                open_client(PING_TIMEOUT_S).close()  # anew: it still answers on open connections
            except DockerUnreachable:
                return True
            time.sleep(0.1)
        return False
