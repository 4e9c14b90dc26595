"""Task documents whose servers run in the tests' images."""

from pathlib import Path
from typing import Any

from tests.docker_images import ENTRYPOINTS, FAULTY_IMAGE, LLAMACPP_IMAGE
from tests.experiments_app.own_engine import install_runtime
from tests.experiments_app.specs import task_data

FAULTY_SERVER = Path(__file__).with_name("faulty_server.py")


def install_faulty(folder: Path) -> None:
    """The runtime file of the server of known pace and known faults, as a container has it."""
    install_runtime(
        folder,
        name="faulty",
        command=["python", str(FAULTY_SERVER), "--port", "{port}"],
        image=FAULTY_IMAGE,
        entrypoint=[ENTRYPOINTS[FAULTY_IMAGE]],
        container_command=["--port", "{port}"],
        flags={
            "mode": {"type": "str", "help": "how the process misbehaves"},
            "fault-after": {"type": "int", "help": "from which request on"},
            "slow-start": {"type": "float", "help": "seconds until it listens"},
            "flood-mb": {"type": "int", "help": "size of the flood"},
            "tpot-ms": {"type": "float", "default": 10, "help": "time per output token"},
        },
    )


def faulty_data(**changes: Any) -> dict[str, Any]:
    """A task whose two configurations differ in their pace."""
    defaults: dict[str, Any] = {
        "task_name": "faulty",
        "deployment_mode": "docker",
        "base_runtime": "faulty",
        "parameters": {"tpot-ms": [20, 5]},
    }
    return task_data(**(defaults | changes))


def llamacpp_data(**changes: Any) -> dict[str, Any]:
    """The real llama.cpp server in a container."""
    defaults: dict[str, Any] = {
        "task_name": "contained",
        "deployment_mode": "docker",
        "runtime_image": LLAMACPP_IMAGE,
    }
    return task_data(**(defaults | changes))
