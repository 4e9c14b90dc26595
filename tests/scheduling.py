"""In which order the processes take the test files: what takes minutes first, Docker in one."""

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadFileScheduling

DOCKER = "tests/docker/"
# What waits for servers and browsers takes long; at the end it would leave the others idle.
LONG = (DOCKER, "tests/chaos/", "tests/system/", "tests/browser/", "tests/test_")


class LongFilesFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Whole files, in the order of `in_order`; all that need a Docker engine as if they were one
    file, so that one engine with one set of images serves them."""

    def _split_scope(self, nodeid: str) -> str:
        return DOCKER if nodeid.startswith(DOCKER) else nodeid.partition("::")[0]


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    def rank(item: pytest.Item) -> int:
        starts = (rank for rank, path in enumerate(LONG) if item.nodeid.startswith(path))
        return next(starts, len(LONG))

    return sorted(items, key=rank)
