"""The site's settings on a data folder of the test run's own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_home = tempfile.mkdtemp(prefix="autotuner-tests-")
_owner = os.getpid()


@atexit.register
def _remove_home() -> None:
    if os.getpid() == _owner:  # not in a forked child
        shutil.rmtree(_home, ignore_errors=True)


os.environ["AUTOTUNER_HOME"] = _home
# Threads for matrices of a few rows cost twice the time that they save, and two test processes
# would wait for each other's. It counts before NumPy is imported, here and in what tests start.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
# Test processes that run beside each other have ports of their own.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
if "TEST_DATABASE_URL" in os.environ:
    WORKER += 10  # those on other servers run beside all others
FIRST_PORT = 18000 + 1000 * WORKER
os.environ["PORT_RANGE"] = f"{FIRST_PORT}-{FIRST_PORT + 100}"
# No test reaches the machine's own Docker engine: the fixture `dockerd` brings another.
os.environ["DOCKER_HOST"] = f"unix://{_home}/no-docker.sock"
os.environ["DOCKER_CONFIG"] = f"{_home}/no-docker-config"
for _name in (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "DEBUG",
    "HTTPS_ONLY",
    "DOCKER_CONTEXT",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
):
    os.environ.pop(_name, None)
# `python -m tests.on_servers` has brought both.
for _name in ("DATABASE_URL", "REDIS_URL"):
    if _value := os.environ.get(f"TEST_{_name}"):
        os.environ[_name] = _value

from autotuner_site.settings import *  # noqa: E402, F403
from autotuner_site.settings import DATABASE_PATH, DATABASES  # noqa: E402

if DATABASE_PATH:
    # A file and not memory: workers, heartbeats and live servers have connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": Path(_home) / "test.db"}
# Tests ask for every address at once; those of the limits set them.
API_CALLS_PER_MINUTE = API_FAILED_SIGN_INS_PER_MINUTE = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
