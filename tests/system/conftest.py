from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh site; whatever a test leaves running is ended, and was a failure of the test."""
    site = Site(tmp_path / "home", "18400-18499")
    yield site
    site.close()
