"""Is this machine fit to tune on? Each check looks for itself and says how to mend its finding."""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings

from experiments_app import words
from experiments_app.benchmark import BenchmarkError
from experiments_app.benchmark.command import python_of
from experiments_app.benchmark.version import GENAI_BENCH_VERSION
from experiments_app.disk import free_under
from experiments_app.gpus import Gpu, survey
from experiments_app.host_load import busy_now
from experiments_app.hub import hf_home
from experiments_app.leases import can_listen
from experiments_app.network import ca_bundle
from experiments_app.services import check_database, check_queue
from experiments_app.setting_checks import certificates
from experiments_app.site_settings import KEY_LOST, Source, settings_in_force
from experiments_app.system.docker_state import (
    check_docker,
    check_images,
    check_nvidia,
    disk_outcome,
)
from experiments_app.system.hub_check import check_hub, check_proxy
from experiments_app.system.outcome import Outcome, Verdict, fault, fine, warning
from tasks_app.runtimes import site_runtimes

GIGABYTE = 10**9
LOW_DISK_BYTES = 2 * GIGABYTE
NO_DISK_BYTES = 200 * 10**6
LOW_CACHE_DISK_BYTES = 20 * GIGABYTE


@dataclass(frozen=True)
class Finding:
    name: str
    verdict: Verdict
    message: str
    remedy: str = ""

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def examine(names: Iterable[str] | None = None) -> Iterator[Finding]:
    """Every check in turn, or those named; one that breaks is itself a finding."""
    for name in CHECKS if names is None else names:
        try:
            verdict, message, remedy = CHECKS[name]()
        except Exception as error:  # noqa: BLE001  a broken check must not hide the others
            message = f"the check broke: {type(error).__name__}: {error}"
            verdict, remedy = Verdict.FAULT, "please report this, it is a fault of the program"
        yield Finding(name, verdict, message, remedy)


def check_python() -> Outcome:
    found = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        return fault(f"Python {found}", "use Python 3.11 or 3.12")
    return fine(f"Python {found}")


def check_home() -> Outcome:
    home = settings.HOME
    probe = home.root / ".doctor"
    try:
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        return fault(
            f"{home.root} cannot be written: {error.strerror}",
            "mend its permissions, or name another folder as AUTOTUNER_HOME",
        )
    if home.foreign_database:
        return warning(
            f"{home.foreign_database} belongs to another program; ours is {home.database}",
            f"bring its tasks in with: manage.py import_task {home.foreign_database}",
        )
    return fine(str(home.root))


def check_disk() -> Outcome:
    free = shutil.disk_usage(settings.AUTOTUNER_HOME).free
    message = f"{free / GIGABYTE:.1f} GB free for results and logs"
    if free < NO_DISK_BYTES:
        return fault(message, "free some space: results can no longer be written")
    if free < LOW_DISK_BYTES:
        return warning(message, "free some space soon")
    return fine(message)


def check_load() -> Outcome:
    if busy := busy_now():
        return warning(
            busy,
            "end what else runs here before a task is started: levels measured beside it are"
            " disturbed, measured again, and flagged where that does not help",
        )
    return fine("nothing else keeps this machine busy")


def check_genai_bench() -> Outcome:
    if settings.GENAI_BENCH_PATH:
        try:
            return fine(f"{python_of(settings.GENAI_BENCH_PATH)} (GENAI_BENCH_PATH)")
        except BenchmarkError as error:
            return fault(error.message, "mend or empty GENAI_BENCH_PATH")
    try:
        found = version("genai-bench")
    except PackageNotFoundError:
        return fault("not installed", "install requirements.lock again: make run")
    if found != GENAI_BENCH_VERSION:
        return fault(
            f"version {found}; we drive {GENAI_BENCH_VERSION}",
            "install requirements.lock again: make run",
        )
    return fine(f"version {found}")


def check_runtimes() -> Outcome:
    catalogue = site_runtimes()
    if catalogue.broken:
        faults = "; ".join(str(error) for error in catalogue.broken.values())
        return warning(faults, f"mend the file in {settings.HOME.runtimes}")
    return fine(", ".join(catalogue.names))


def check_ports() -> Outcome:
    first, last = settings.PORT_RANGE
    free = sum(can_listen(port) for port in range(first, last + 1))
    message = f"{free} of {last - first + 1} ports free in {first}-{last}"
    if not free:
        return fault(message, "set PORT_RANGE to other ports")
    return fine(message)


def check_settings() -> Outcome:
    """Those that were made in the browser can be read, and those of files name files."""
    in_force = settings_in_force().values()
    if lost := [setting.name for setting in in_force if setting.fault]:
        return warning(
            f"{', '.join(lost)}: what was stored {KEY_LOST}",
            "bring back the file settings_key of AUTOTUNER_HOME, or set them again on the page"
            " System",
        )
    bundle = ca_bundle()
    if bundle is not None:
        try:
            certificates(str(bundle))
        except ValueError as error:
            return fault(f"CA_BUNDLE {bundle} {error}", "mend or empty CA_BUNDLE")
    made = sum(setting.source is Source.BROWSER for setting in in_force)
    return fine(f"{made or 'none'} made in the browser")


def check_gpus() -> Outcome:
    found = survey()
    faults = "; ".join(found.faults)
    if not found.gpus:
        return warning(
            f"no NVIDIA GPU: {faults}" if faults else "no NVIDIA GPU",
            "CPU engines such as llamacpp need none",
        )
    gpus = "; ".join(map(_gpu_words, found.gpus))
    message = f"{len(found.gpus)}, driver {found.driver_version}: {gpus}"
    return (
        warning(f"{message}; {faults}", "mend the GPU or do without") if faults else fine(message)
    )


def _gpu_words(gpu: Gpu) -> str:
    memory = f"{words.size(gpu.memory_used_bytes)} of {words.size(gpu.memory_total_bytes)} in use"
    return f"{gpu.label} {gpu.name}, {memory}" + (f" by {gpu.used_by}" if gpu.used_by else "")


def check_hub_cache() -> Outcome:
    left_bytes = free_under(hf_home())
    if left_bytes is None:
        return fine(f"{hf_home()}, on a disk that cannot be looked at")
    return disk_outcome(
        left_bytes,
        f"models in {hf_home()}",
        low_bytes=LOW_CACHE_DISK_BYTES,
        remedy="remove models that nobody needs, on the page System",
    )


CHECKS: dict[str, Callable[[], Outcome]] = {
    "python": check_python,
    "home": check_home,
    "database": check_database,
    "queue": check_queue,
    "disk": check_disk,
    "load": check_load,
    "genai-bench": check_genai_bench,
    "runtimes": check_runtimes,
    "ports": check_ports,
    "settings": check_settings,
    "docker": check_docker,
    "nvidia": check_nvidia,
    "gpus": check_gpus,
    "images": check_images,
    "hub-cache": check_hub_cache,
    "proxy": check_proxy,
    "hub": check_hub,
}
