"""Is this machine fit to tune on? Each check looks for itself and says how to mend its finding."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

import docker
import httpx
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from experiments_app.benchmark import BenchmarkError
from experiments_app.benchmark.command import python_of
from experiments_app.benchmark.version import GENAI_BENCH_VERSION
from experiments_app.hardware import gpu_count
from experiments_app.leases import can_listen
from experiments_app.network import proxy_environment
from tasks_app.runtimes import site_runtimes

GIGABYTE = 10**9
LOW_DISK_BYTES = 2 * GIGABYTE
NO_DISK_BYTES = 200 * 10**6
HUB_URL = "https://huggingface.co"
TIMEOUT_S = 5


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"  # some tasks cannot run, others can
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    name: str
    verdict: Verdict
    message: str
    remedy: str = ""

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def examine() -> Iterator[Finding]:
    """Every check in turn; one that breaks is itself a finding."""
    for name, check in CHECKS.items():
        try:
            verdict, message, remedy = check()
        except Exception as error:  # noqa: BLE001  a broken check must not hide the others
            message = f"the check broke: {type(error).__name__}: {error}"
            verdict, remedy = Verdict.FAULT, "please report this, it is a fault of the program"
        yield Finding(name, verdict, message, remedy)


Outcome = tuple[Verdict, str, str]
"""Verdict, message, remedy."""


def fine(message: str) -> Outcome:
    return Verdict.OK, message, ""


def check_python() -> Outcome:
    found = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        return Verdict.FAULT, f"Python {found}", "use Python 3.11 or 3.12"
    return fine(f"Python {found}")


def check_home() -> Outcome:
    home = settings.HOME
    probe = home.root / ".doctor"
    try:
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        return (
            Verdict.FAULT,
            f"{home.root} cannot be written: {error.strerror}",
            "mend its permissions, or name another folder as AUTOTUNER_HOME",
        )
    if home.foreign_database:
        return (
            Verdict.WARNING,
            f"{home.foreign_database} belongs to another program; ours is {home.database}",
            f"bring its tasks in with: manage.py import_task {home.foreign_database}",
        )
    return fine(str(home.root))


def check_database() -> Outcome:
    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check")
            (state,) = cursor.fetchone()
    except (DatabaseError, sqlite3.Error) as error:
        return Verdict.FAULT, f"{settings.DATABASE_PATH}: {error}", "restore it from a backup"
    if state != "ok":
        return Verdict.FAULT, f"{settings.DATABASE_PATH}: {state}", "restore it from a backup"
    if waiting:
        return Verdict.WARNING, f"{len(waiting)} migrations wait", "run manage.py migrate"
    return fine(str(settings.DATABASE_PATH))


def check_disk() -> Outcome:
    free = shutil.disk_usage(settings.AUTOTUNER_HOME).free
    message = f"{free / GIGABYTE:.1f} GB free for results and logs"
    if free < NO_DISK_BYTES:
        return Verdict.FAULT, message, "free some space: results can no longer be written"
    if free < LOW_DISK_BYTES:
        return Verdict.WARNING, message, "free some space soon"
    return fine(message)


def check_genai_bench() -> Outcome:
    if settings.GENAI_BENCH_PATH:
        try:
            return fine(f"{python_of(settings.GENAI_BENCH_PATH)} (GENAI_BENCH_PATH)")
        except BenchmarkError as error:
            return Verdict.FAULT, error.message, "mend or empty GENAI_BENCH_PATH"
    try:
        found = version("genai-bench")
    except PackageNotFoundError:
        return Verdict.FAULT, "not installed", "install requirements.lock again: make run"
    if found != GENAI_BENCH_VERSION:
        return (
            Verdict.FAULT,
            f"version {found}; we drive {GENAI_BENCH_VERSION}",
            "install requirements.lock again: make run",
        )
    return fine(f"version {found}")


def check_runtimes() -> Outcome:
    catalogue = site_runtimes()
    if catalogue.broken:
        faults = "; ".join(str(error) for error in catalogue.broken.values())
        return Verdict.WARNING, faults, f"mend the file in {settings.HOME.runtimes}"
    return fine(", ".join(catalogue.names))


def check_ports() -> Outcome:
    first, last = settings.PORT_RANGE
    free = sum(can_listen(port) for port in range(first, last + 1))
    message = f"{free} of {last - first + 1} ports free in {first}-{last}"
    if not free:
        return Verdict.FAULT, message, "set PORT_RANGE to other ports"
    return fine(message)


def check_docker() -> Outcome:
    try:
        client = docker.from_env(timeout=TIMEOUT_S)
        found = client.version()["Version"]
        client.close()
    except (docker.errors.DockerException, OSError) as error:
        return (
            Verdict.WARNING,
            f"no Docker engine answers ({str(error).splitlines()[0][:120]})",
            "only needed for deployment_mode: docker",
        )
    return fine(f"engine {found}")


def check_gpus() -> Outcome:
    count = gpu_count()
    if not count:
        return Verdict.WARNING, "no NVIDIA GPU", "CPU engines such as llamacpp need none"
    names = subprocess.run(
        ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    ).stdout.split("\n")
    return fine(f"{count}: {', '.join(filter(None, names))}")


def check_proxy() -> Outcome:
    environment = proxy_environment()
    named = [n for n in ("HTTP_PROXY", "HTTPS_PROXY") if n in environment]
    if not named:
        return fine("none set; connections are direct")
    return fine(", ".join(f"{n}={_without_password(environment[n])}" for n in named))


def check_hub() -> Outcome:
    environment = proxy_environment()
    try:
        with httpx.Client(
            proxy=environment.get("HTTPS_PROXY"), timeout=TIMEOUT_S, trust_env=False
        ) as client:
            headers = {"Authorization": f"Bearer {settings.HF_TOKEN}"} if settings.HF_TOKEN else {}
            path = "/api/whoami-v2" if settings.HF_TOKEN else "/api/models?limit=1"
            status = client.get(HUB_URL + path, headers=headers).status_code
    except httpx.HTTPError as error:
        return (
            Verdict.WARNING,
            f"the Hugging Face hub does not answer ({type(error).__name__})",
            "models and tokenizers on this disk work without it; else set HTTPS_PROXY",
        )
    if status == httpx.codes.UNAUTHORIZED:
        return Verdict.WARNING, "the hub refuses the token", "set HF_TOKEN to a valid one"
    if status >= httpx.codes.BAD_REQUEST:
        return Verdict.WARNING, f"the hub answers with status {status}", "try again later"
    return fine("the Hugging Face hub answers" + (", token valid" * bool(settings.HF_TOKEN)))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url


CHECKS: dict[str, Callable[[], Outcome]] = {
    "python": check_python,
    "home": check_home,
    "database": check_database,
    "disk": check_disk,
    "genai-bench": check_genai_bench,
    "runtimes": check_runtimes,
    "ports": check_ports,
    "docker": check_docker,
    "gpus": check_gpus,
    "proxy": check_proxy,
    "hub": check_hub,
}
