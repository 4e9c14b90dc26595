"""A backup of a site on PostgreSQL, and back, while it measures."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from autotuner_site import sealing
from experiments_app.backup.archive import POSTGRESQL, BackupError, pack
from experiments_app.backup.postgresql import PROGRAMS, check_programs
from experiments_app.backup.restoring import restore
from tests.experiments_app.own_engine import paced_data
from tests.services import PASSWORD, PostgreSQL
from tests.system.site import Site, free_port
from tests.system.test_recovery import engines
from tests.waiting import wait_for

SECRET = "key-sesame4711"


def test_a_restore_under_a_running_task_brings_back_what_was_saved(
    on_servers: Site, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    site = on_servers
    name = site.database_url.rpartition("/")[2]

    def rows(query: str) -> list[tuple[object, ...]]:
        return postgresql.run(query, name)

    data = paced_data(environment={"MY_API_KEY": SECRET})
    assert site.manage("import_task", str(site.write_task(data))).returncode == 0
    file = site.home / "site.tar"
    saved = site.manage("backup", str(file))
    assert saved.returncode == 0, saved.stderr
    assert_it_holds_no_secret(file, tmp_path)

    other = data | {"task_name": "other"}
    assert site.manage("import_task", str(site.write_task(other))).returncode == 0
    rows("CREATE TABLE of_another_program AS SELECT 1 AS kept")
    site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.start_task("paced")
    measured = "SELECT 1 FROM experiments_app_experiment WHERE status = 'benchmarking'"
    wait_for(lambda: rows(measured), timeout_s=120)
    assert engines(site)
    restored = site.manage("restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert PASSWORD not in restored.stdout + restored.stderr
    assert rows("SELECT name, status FROM tasks_app_task") == [("paced", "pending")]
    assert rows("SELECT 1 FROM experiments_app_experiment") == []
    assert rows("SELECT 1 FROM experiments_app_resourcelease") == []
    assert rows("SELECT kept FROM of_another_program") == [(1,)]
    wait_for(lambda: not engines(site), timeout_s=60)

    stored = str(rows("SELECT environment FROM tasks_app_task"))
    assert sealing.PREFIX in stored
    assert SECRET not in stored
    shown = site.manage(
        *("shell", "--verbosity=0", "-c"),
        "from tasks_app.models import Task; print(Task.objects.get().environment)",
    )
    assert SECRET in shown.stdout
    again = site.manage("import_task", str(site.write_task(other)))  # its number is not taken
    assert again.returncode == 0, again.stderr
    (kept,) = (site.home / "backups").glob("*/before.tar")
    with tarfile.open(kept) as archive:
        assert archive.getmember(POSTGRESQL).size


def assert_it_holds_no_secret(file: Path, folder: Path) -> None:
    with tarfile.open(file) as archive:
        member = archive.extractfile(POSTGRESQL)
        assert member is not None
        (folder / POSTGRESQL).write_bytes(member.read())
    dump = ["pg_restore", "--file=-", str(folder / POSTGRESQL)]
    script = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    assert sealing.PREFIX in script
    assert SECRET not in script


def test_a_backup_of_the_other_kind_of_database_is_refused(tmp_path: Path) -> None:
    dump = tmp_path / POSTGRESQL
    dump.write_bytes(b"PGDMP")
    file = tmp_path / "site.tar"
    pack(file, {POSTGRESQL: dump}, {})
    with pytest.raises(BackupError, match=r"another kind of database.*\(SQLite"):
        restore(file)


def test_it_says_which_program_is_missing_or_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match=r"pg_dump is not installed.*postgresql-client"):
        check_programs(15)
    for program in PROGRAMS:
        path = tmp_path / program
        path.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) 15.9 (Debian)'\n")
        path.chmod(0o755)
    check_programs(15)
    with pytest.raises(BackupError, match=r"pg_dump is of version 15.*postgresql-client-17"):
        check_programs(17)
