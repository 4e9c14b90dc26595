"""Ending and removing this site's containers, and no others."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from experiments_app.containers.client import gone_is_fine
from experiments_app.containers.labels import EXPERIMENT, TOKEN, site_filter

logger = logging.getLogger(__name__)


def remove(
    container: Container, *, grace_s: float, before_removal: Callable[[], None] = lambda: None
) -> None:
    """Ask it to end, end it after `grace_s`, remove it with its anonymous volumes.

    `before_removal` is called when it has ended. One that is gone is fine. Raises what the SDK
    raises where the engine does not answer.
    """
    with gone_is_fine():
        try:
            if grace_s >= 1:
                container.stop(timeout=round(grace_s))
            else:
                _kill(container)
        except NotFound:
            raise
        except APIError as error:  # it may still let itself be removed by force
            logger.warning("the container %s does not end: %s", container.name, error)
        before_removal()
    with gone_is_fine():
        try:
            container.remove(v=True, force=True)
        except APIError as error:
            if error.status_code != 409:  # somebody else removes it already
                raise


def _kill(container: Container) -> None:
    try:
        container.kill()
    except NotFound:
        raise
    except APIError as error:
        if error.status_code != 409:  # it does not run
            raise


def site_containers(client: docker.DockerClient) -> list[Container]:
    """This site's containers, running or not."""
    found: list[Container] = client.containers.list(
        all=True, filters=site_filter(), ignore_removed=True
    )
    return found


def leftovers_of(client: docker.DockerClient, labels: Mapping[str, str]) -> list[Container]:
    """Containers of the same experiment, left by an earlier attempt."""
    own = labels[EXPERIMENT]
    return [c for c in site_containers(client) if c.labels.get(EXPERIMENT) == own]


def remove_orphans(containers: Iterable[Container], live_tokens: Collection[str]) -> int:
    """Remove those whose claim is not among `live_tokens`; how many."""
    orphans = [c for c in containers if c.labels.get(TOKEN) not in live_tokens]
    for container in orphans:
        logger.info("removing the container %s, which no live experiment owns", container.name)
        try:
            remove(container, grace_s=0)
        except APIError:  # the others are removed all the same, and this one next time
            logger.exception("the container %s cannot be removed", container.name)
    return len(orphans)
