"""The long run, by hand, from the project root:

    python -m tests.chaos --kills 30 --seed 1
    python -m tests.chaos --kills 30 --seed 1 --docker      (as root)

Ends with exit code 1 and what went wrong, or prints what was survived. The site's folder is kept
where something went wrong.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.storm import Storm
from tests.chaos.tasks import chaos_site, container_document, local_document
from tests.docker_images import LLAMACPP_IMAGE, image
from tests.docker_rig import PrivateDockerd, why_no_engine


@contextmanager
def engine(wanted: bool) -> Iterator[PrivateDockerd | None]:
    if not wanted:
        yield None
        return
    if reason := why_no_engine():
        sys.exit(reason)
    dockerd = PrivateDockerd()
    dockerd.start()
    os.environ["DOCKER_HOST"] = dockerd.host
    try:
        image(dockerd, LLAMACPP_IMAGE)
        yield dockerd
    finally:
        dockerd.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--docker", action="store_true")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="chaos-")) / "home"
    began = time.monotonic()
    with engine(options.docker) as dockerd:
        site = chaos_site(home)
        storm = Storm(
            site,
            container_document if options.docker else local_document,
            seed=options.seed,
            dockerd=dockerd,
            say=lambda line: print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True),
        )
        try:
            outcome = storm.run(options.kills)
        except AssertionError as error:
            print(f"seed {options.seed}, after {storm.outcome}: {error}\nsee {home}")
            return 1
        finally:
            site.close()
    print(f"seed {options.seed}: {outcome}")
    return 0
