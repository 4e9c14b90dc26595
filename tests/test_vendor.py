"""Vendored files are the packages' own, byte for byte."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

README = Path(settings.BASE_DIR) / "static" / "vendor" / "README.md"
ROWS = re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", README.read_text(), re.MULTILINE)


@pytest.mark.parametrize(("name", "digest"), ROWS)
def test_it_has_the_listed_sha256(name: str, digest: str) -> None:
    folders = (README.parent, Path(settings.BASE_DIR) / "tests" / "vendor")
    path = next(folder / name for folder in folders if (folder / name).exists())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_it_lists_every_vendored_file() -> None:
    found = {
        path.relative_to(README.parent).as_posix()
        for path in README.parent.rglob("*")
        if path.is_file() and path.name not in {"README.md", "LICENSE"}
    }
    assert found <= {name for name, _ in ROWS}
