"""A world of rows and files that is made once for all tests of a file.

To make one takes 0.15 s of processor time. What a test changes in the database is taken back, as
everywhere; files are brought back before the next test. A test of such a file that asks for no
world finds its rows all the same.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.every_url import World


@dataclass(frozen=True)
class KeptWorld:
    world: World
    files: Mapping[Path, bytes]

    @classmethod
    def make(cls) -> "KeptWorld":
        before = _files()
        world = World.make()
        made = (path for path, at in _files().items() if before.get(path) != at)
        return cls(world, {path: path.read_bytes() for path in made})

    def for_a_test(self) -> World:
        for path, content in self.files.items():
            if not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return copy.deepcopy(self.world)


def _files() -> dict[Path, int]:
    """All that rows may lead to, with the time of their last change."""
    folders = (settings.HOME.logs, settings.HOME.results, settings.HOME.datasets)
    paths = (path for folder in folders for path in folder.rglob("*"))
    return {path: path.stat().st_mtime_ns for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def kept_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[KeptWorld]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield KeptWorld.make()
        transaction.set_rollback(True)


@pytest.fixture
def world(kept_world: KeptWorld, db: None) -> World:
    """What the addresses lead to, of which a test may change everything."""
    return kept_world.for_a_test()
