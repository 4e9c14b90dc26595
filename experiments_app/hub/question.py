"""Asking the hub: from a process of its own, because the hub's library takes its proxies, token
and cache from the environment, and some of that when it is imported.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from experiments_app.hub.cache import hf_home
from experiments_app.hub_error import HubError, HubErrorKind
from tasks_app.masking import mask_text

PROJECT_ROOT = Path(__file__).resolve().parents[2]
MODULE = "experiments_app.hub_client"
CHECK_INTERVAL_S = 0.1
SILENCE_S = 10.0
# Of our own environment; everything else that matters is given.
PASSED_ON = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "USER",
)
FIXED: Mapping[str, str] = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    # It has an HTTP client of its own, whose faults could not be told apart.
    "HF_HUB_DISABLE_XET": "1",
    "PYTHONPATH": str(PROJECT_ROOT),
}


def is_offline(environment: Mapping[str, str]) -> bool:
    """As the hub's library reads it."""
    return environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def ask(
    question: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    limit_s: float,
    check: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """What the client answers. Raises HubError, and whatever `check` raises."""
    # Less than all of it: who says nothing is told apart from who is slow.
    full = {**question, "silence_s": min(SILENCE_S, limit_s / 2)}
    own = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    home = environment.get("HF_HOME") or str(hf_home())
    with subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**own, **environment, "HF_HOME": home, **FIXED},
        cwd=PROJECT_ROOT,
        start_new_session=True,
    ) as process:
        try:
            question_text = json.dumps(full).encode()
            output, errors = _communicate(process, question_text, limit_s, check)
        finally:
            if process.poll() is None:
                process.kill()
    return _answer(process.returncode, output, errors, environment)


def _communicate(
    process: "subprocess.Popen[bytes]",
    question: bytes,
    limit_s: float,
    check: Callable[[], None] | None,
) -> tuple[bytes, bytes]:
    deadline = time.monotonic() + limit_s
    to_send: bytes | None = question
    while True:
        try:
            return process.communicate(to_send, timeout=CHECK_INTERVAL_S)
        except subprocess.TimeoutExpired:
            to_send = None
        if check:
            check()
        if time.monotonic() > deadline:
            raise HubError(
                HubErrorKind.TIME_OUT,
                f"The hub did not give all that was asked for within {limit_s:.0f} s. Try again:"
                " what has arrived is kept. If it stays so slow, set HF_ENDPOINT to a mirror.",
            )


def _answer(
    code: int, output: bytes, errors: bytes, environment: Mapping[str, str]
) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise HubError(
            HubErrorKind.OTHER,
            f"The hub's client ended with exit code {code} and no answer."
            f" {mask_text(lines[-1], environment) if lines else ''}".rstrip(),
        ) from None
    if "kind" in answer:
        message = mask_text(str(answer["message"]), environment)
        raise HubError(HubErrorKind(answer["kind"]), message)
    return answer
