import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments_app.engines.base import Launch
from experiments_app.engines.model_source import resolve_model

SMALL_SERVER = Path(__file__).parent / "small_server.py"
MakeLaunch = Callable[..., Launch]


@pytest.fixture(scope="session")
def smollm2() -> Path:
    return Path(resolve_model("smollm2-135m", home=Path()).path)


@pytest.fixture
def small_server(port: int, tmp_path: Path) -> MakeLaunch:
    """Launches of the stdlib server, with its own flags as arguments."""

    def launch(*flags: str, **changes: object) -> Launch:
        command = [sys.executable, str(SMALL_SERVER), "--port", str(port), "--name", "own", *flags]
        return make_launch(
            port, tmp_path, {"command": command, "served_model_name": "own", **changes}
        )

    return launch


@pytest.fixture
def llamacpp(port: int, tmp_path: Path) -> MakeLaunch:
    """Launches of llama.cpp's server for a model file, with llama-server's flags as arguments."""

    def launch(model: Path, *flags: str, **changes: object) -> Launch:
        command = [
            *("python", "-m", "experiments_app.llamacpp.server", "--model", str(model)),
            *("--host", "127.0.0.1", "--port", str(port), "--alias", "served", *flags),
        ]
        defaults = {"command": command, "served_model_name": "served"}
        return make_launch(port, tmp_path, {**defaults, **changes})

    return launch


def make_launch(port: int, folder: Path, changes: dict[str, object]) -> Launch:
    settings: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "health_path": "/health",
        "log_path": folder / "logs" / "server.log",
        "marker": f"test-{port}/1",
        "stop_grace_s": 5.0,
    }
    return Launch(**{**settings, **changes})  # type: ignore[arg-type]
