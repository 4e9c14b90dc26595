"""Engines as data: `load_runtimes` reads the files, a `Runtime` says how to start one."""

from pathlib import Path

from tasks_app.runtimes.catalogue import (
    RuntimeCatalogue,
    RuntimeFileError,
    load_runtimes,
    read_runtime,
)
from tasks_app.runtimes.flag import Flag
from tasks_app.runtimes.schema import Runtime

__all__ = [
    "Flag",
    "Runtime",
    "RuntimeCatalogue",
    "RuntimeFileError",
    "load_runtime",
    "load_runtimes",
    "read_runtime",
    "site_runtimes",
]


def site_runtimes() -> RuntimeCatalogue:
    """The runtimes of this site: the shipped ones and those in AUTOTUNER_HOME/runtimes."""
    from django.conf import settings

    return load_runtimes(Path(settings.AUTOTUNER_HOME) / "runtimes")


def load_runtime(name: str) -> Runtime:
    """Raises RuntimeFileError where there is none of that name, or its file is broken."""
    return site_runtimes().get(name)
