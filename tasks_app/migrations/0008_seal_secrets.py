"""Encrypts the secrets that tasks, their runs and versions hold, and wipes what they stood on."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from tasks_app.models.sealed import SealedDocument, SealedSection

COLUMNS: tuple[tuple[str, dict[str, type[SealedSection]]], ...] = (
    ("Task", {"environment": SealedSection, "access": SealedSection}),
    ("Run", {"spec": SealedDocument}),
    ("TaskVersion", {"spec": SealedDocument}),
)


def seal(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")
    _change(apps, lambda field, value: field.sealed(value))


def unseal(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _change(apps, lambda field, value: field.unsealed(value))


def _change(apps: Apps, change: Callable[[type[SealedSection], Any], Any]) -> None:
    """The columns are plain JSON here."""
    for name, fields in COLUMNS:
        rows = apps.get_model("tasks_app", name).objects
        for row in rows.order_by("pk").values("pk", *fields).iterator():
            before = {column: row[column] for column in fields}
            after = {column: change(fields[column], before[column]) for column in fields}
            if after != before:
                rows.filter(pk=row["pk"]).update(**after)


def wipe(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Pages that were freed long ago, and the log of writes, may still hold them in clear. Where
    the disk has no room for a second database, `manage.py prune_old --vacuum` does it later."""
    connection = schema_editor.connection
    if connection.vendor != "sqlite" or not _has_rows(apps) or not _has_room(connection):
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _has_rows(apps: Apps) -> bool:
    return bool(apps.get_model("tasks_app", "Task").objects.exists())


def _has_room(connection: Any) -> bool:
    path = Path(str(connection.settings_dict["NAME"]))
    if not path.is_file():  # in memory
        return False
    return shutil.disk_usage(path.parent).free > 3 * path.stat().st_size


def _altered() -> Iterator[migrations.AlterField]:
    document, section = SealedDocument, SealedSection
    yield migrations.AlterField(
        "run", "spec", document(help_text="The task file as it stood when the run started.")
    )
    yield migrations.AlterField("task", "access", section(blank=True, default=dict))
    yield migrations.AlterField("task", "environment", section(blank=True, default=dict))
    yield migrations.AlterField(
        "taskversion", "spec", document(help_text="The task file as this version has it.")
    )


class Migration(migrations.Migration):
    atomic = False  # VACUUM is not done inside a transaction
    dependencies = [("tasks_app", "0007_paused_time")]
    operations = [
        migrations.RunPython(seal, unseal, atomic=True),
        migrations.SeparateDatabaseAndState(state_operations=list(_altered())),
        migrations.RunPython(wipe, migrations.RunPython.noop, atomic=False),
    ]
