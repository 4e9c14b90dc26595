import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from autotuner_site.paths import Home


def make_database(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE {table} (id INTEGER)")
        database.commit()


def test_a_fresh_home_uses_the_usual_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.foreign_database is None
    assert home.database == tmp_path / "autotuner.db"


def test_our_own_database_is_recognised(tmp_path: Path) -> None:
    make_database(tmp_path / "autotuner.db", "django_migrations")
    assert Home(tmp_path).database == tmp_path / "autotuner.db"


def test_a_database_without_tables_is_ours_to_fill(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "autotuner.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
    assert Home(tmp_path).foreign_database is None


def test_another_programs_database_is_left_alone_and_ours_kept_beside_it(tmp_path: Path) -> None:
    foreign = tmp_path / "autotuner.db"
    make_database(foreign, "tasks")
    before = foreign.read_bytes()
    home = Home(tmp_path)
    assert home.foreign_database == foreign
    assert home.database == tmp_path / "autotuner-site.db"
    assert foreign.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "autotuner.db").write_text("notes " * 500)
    assert Home(tmp_path).database.name == "autotuner-site.db"


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = home.secret("secret_key")
    assert home.secret("secret_key") == first
    assert len(first) == 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
