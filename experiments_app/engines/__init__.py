"""The ways to run a server, by the name a task's `deployment_mode` uses."""

from collections.abc import Callable

from experiments_app.engines.base import Engine, EngineError, FailureKind, Launch, RunningServer
from experiments_app.engines.docker_engine import DockerEngine
from experiments_app.engines.local_engine import LocalEngine

__all__ = ["ENGINES", "Engine", "EngineError", "FailureKind", "Launch", "RunningServer"]

ENGINES: dict[str, Callable[[], Engine]] = {
    DockerEngine.name: DockerEngine,
    LocalEngine.name: LocalEngine,
}
