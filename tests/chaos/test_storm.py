from functools import partial
from pathlib import Path

import pytest

from tests.chaos.storm import Storm
from tests.chaos.tasks import chaos_site, container_document, local_document
from tests.docker_rig import PrivateDockerd

KILLS = 4
# As many as are killed; should a task end before, another one begins.
CONFIGURATIONS = 4


def test_killed_processes_cost_nothing_that_was_measured(tmp_path: Path) -> None:
    document = partial(local_document, configurations=CONFIGURATIONS)
    site = chaos_site(tmp_path / "home")
    try:
        outcome = Storm(site, document, seed=7, say=print).run(KILLS)
    finally:
        site.close()
    assert outcome.recoveries == KILLS


@pytest.mark.docker
def test_killed_containers_and_engines_cost_nothing_that_was_measured(
    tmp_path: Path, dockerd: PrivateDockerd, llamacpp_image: str
) -> None:
    document = partial(container_document, configurations=CONFIGURATIONS)
    site = chaos_site(tmp_path / "home")
    try:
        outcome = Storm(site, document, seed=5, dockerd=dockerd, say=print).run(KILLS)
    finally:
        site.close()
    assert outcome.recoveries == KILLS
