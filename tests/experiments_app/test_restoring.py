"""What a restore does about a database that is there and cannot be read."""

from pathlib import Path

import pytest

from experiments_app.backup import restoring
from experiments_app.backup.archive import BackupError, Damaged
from experiments_app.models import Experiment


def fails_by(monkeypatch: pytest.MonkeyPatch, error: BackupError) -> None:
    """A PostgreSQL's page that is broken: it would have to be stopped and written into."""

    def make_backup(target: Path, **options: object) -> None:
        raise error

    monkeypatch.setattr(restoring, "make_backup", make_backup)


def test_what_cannot_be_saved_is_replaced_only_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_by(monkeypatch, BackupError("pg_dump: ERROR: invalid page in block 0"))
    with pytest.raises(BackupError, match=r"invalid page in block 0\. With --even-if-damaged"):
        restoring._keep_database(tmp_path, even_if_damaged=False)
    assert restoring._keep_database(tmp_path, even_if_damaged=True)


def test_what_is_known_to_be_damaged_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_by(monkeypatch, Damaged("file is not a database"))
    assert restoring._keep_database(tmp_path, even_if_damaged=False)


@pytest.mark.django_db
def test_a_table_that_is_missing_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    table = Experiment._meta.db_table
    Experiment._meta.db_table = "nowhere"
    try:
        restoring._hand_back()
    finally:
        Experiment._meta.db_table = table
    assert "could not be handed back" in caplog.text
