"""What the site keeps, for how long, and how much room that takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from experiments_app import disk
from experiments_app.models import Experiment
from experiments_app.retention import RULES, spare_bytes
from tasks_app.models import AuditEntry, Task


@dataclass(frozen=True)
class Kept:
    """`kept`: so many runs or days; 0 is for ever."""

    setting: str
    kept: int
    of_what: str


def storage() -> Mapping[str, Any]:
    home = settings.HOME
    return {
        "room": disk.room(),
        "rooms": disk.rooms(),
        "rows": (
            ("Database", database_bytes()),
            ("of it holding nothing any more", spare_bytes()),
            ("Results and servers' logs", _folder_size(home.results)),
            ("Logs of tasks", _folder_size(home.logs)),
            ("Tokenizers", _folder_size(home.tokenizers)),
        ),
        "counts": (
            ("Tasks", Task.objects.count()),
            ("Experiments", Experiment.objects.count()),
            ("Entries of the audit", AuditEntry.objects.count()),
        ),
        "rules": [Kept(name, getattr(settings, name), words) for name, words in RULES.items()],
    }


def database_bytes() -> int:
    """With its log of writes where it is a file; as the server counts it where it is not."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    path = Path(str(connection.settings_dict["NAME"]))
    return sum(_size(path.with_name(path.name + end)) for end in ("", "-wal", "-shm"))


def _folder_size(folder: Path) -> int:
    return sum(_size(file) for file in folder.rglob("*"))


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:  # gone meanwhile
        return 0
