"""DATABASE_URL and REDIS_URL: what they become, and that no refusal repeats a password."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from autotuner_site.service_urls import address_of, database, queue

BASE = Path("/site")
DEFAULT = Path("/home/autotuner.db")


def read(url: str) -> dict[str, object]:
    return database(url, default=DEFAULT, base=BASE)


def test_without_an_address_the_database_is_a_file_of_the_home() -> None:
    assert read("")["NAME"] == DEFAULT
    assert read("sqlite:///data/a.db")["NAME"] == BASE / "data" / "a.db"
    assert read("sqlite:////data/a.db")["NAME"] == Path("/data/a.db")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_postgresql_gets_every_part_of_its_address(scheme: str) -> None:
    found = read(f"{scheme}://ada:p%40ss%2Fw%3Ard@db.example:5433/tuner?sslmode=verify-full")
    assert (found["USER"], found["PASSWORD"]) == ("ada", "p@ss/w:rd")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", "5433", "tuner")
    options = found["OPTIONS"]
    assert isinstance(options, dict)
    assert options["sslmode"] == "verify-full"
    assert "lock_timeout" in options["options"]


def test_postgresql_may_be_reached_by_its_socket() -> None:
    for url in ("postgres://%2Frun%2Fpostgresql/tuner", "postgres:///tuner?host=/run/postgresql"):
        assert read(url)["HOST"] == "/run/postgresql"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("mysql://ada:hunter22@db/x", "postgres://"),
        ("postgres://ada:hunter22@db", "names no database"),
        ("postgres://ada:hunter22@db/a/b", "names no database"),
        ("postgres://ada:hunter22@db:port/x", "port is no number"),
        ("postgres://ada:hunter22/5@db/x", "port is no number"),
        ("postgres://ada:hunter22@[db/x", "no address that can be read"),
        ("postgres://ada:hunter22@db/x?ssl=on", "sslmode"),
        ("hunter22", "postgres://"),
    ],
)
def test_a_wrong_database_address_is_refused_with_what_would_be_right(url: str, hint: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(url)
    assert "DATABASE_URL" in str(refused.value)
    assert hint in str(refused.value)
    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://:hunter22@queue", "redis://"),
        ("redis://", "no host"),
        ("redis://:hunter22@queue:port", "port is no number"),
        ("redis://:hunter22@queue/first", "no number of a database"),
        ("unix://", "no socket"),
        ("hunter22", "redis://"),
    ],
)
def test_a_wrong_redis_address_is_refused_with_what_would_be_right(
    url: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        queue(url, site_id="site", path=tmp_path / "queue.db")
    assert "REDIS_URL" in str(refused.value)
    assert hint in str(refused.value)
    assert "hunter22" not in str(refused.value)


def test_two_sites_share_a_redis_without_sharing_a_queue(tmp_path: Path) -> None:
    names = {
        queue("redis://queue:6379/2", site_id=site, path=tmp_path / "queue.db").storage.queue_key
        for site in ("one", "two")
    }
    assert len(names) == 2


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgres://ada:pw@db.example:5432/tuner?sslmode=require",
            "postgres://db.example:5432/tuner",
        ),
        ("redis://:pw@queue:6379/0", "redis://queue:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_who_and_password(url: str, shown: str) -> None:
    assert address_of(url) == shown
