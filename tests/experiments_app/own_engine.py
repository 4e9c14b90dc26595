"""A user's own engine: a runtime file for the server of known pace, and nothing else.

Its flags set its pace, so which configuration is best is known beforehand.
"""

import json
from pathlib import Path
from typing import Any

from tests.experiments_app.specs import task_data

SERVER = Path(__file__).resolve().parents[1] / "known_pace_server.py"

RUNTIME = {
    "name": "paced",
    "command": ["python", str(SERVER), "--port", "{port}"],
    "genai_bench_backend": "vllm",
    "health_path": "/health",
    "devices": "0",
    "flags": {
        "ttft-ms": {"type": "float", "default": 50, "help": "time to the first token"},
        "tpot-ms": {"type": "float", "default": 10, "help": "time per output token"},
        "fault": {"type": "str", "help": "how to misbehave"},
        "fault-after": {"type": "int", "help": "from which request on"},
    },
}


def install_runtime(folder: Path, **changes: Any) -> None:
    """Write the runtime file into a site's folder of runtimes (JSON is YAML)."""
    runtime = RUNTIME | changes
    (folder / f"{runtime['name']}.yaml").write_text(json.dumps(runtime))


def paced_data(**changes: Any) -> dict[str, Any]:
    """A task for it, whose best configuration is tpot-ms=5."""
    defaults: dict[str, Any] = {
        "task_name": "paced",
        "base_runtime": "paced",
        "parameters": {"tpot-ms": [20, 5]},
    }
    return task_data(**(defaults | changes))
