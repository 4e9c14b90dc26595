"""The labels that tell whose a container is. What does not carry this site's is never touched."""

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from experiments_app.leases import Claim

SITE = "autotuner.site"
TASK = "autotuner.task"
RUN = "autotuner.run"
EXPERIMENT = "autotuner.experiment"  # the primary key
NUMBER = "autotuner.number"
ATTEMPT = "autotuner.attempt"
TOKEN = "autotuner.token"  # noqa: S105  the claim under which it was started, no secret


def labels_of(claim: "Claim", number: int) -> dict[str, str]:
    return {
        SITE: settings.SITE_ID,
        TASK: str(claim.task_pk),
        RUN: str(claim.run),
        EXPERIMENT: str(claim.experiment_pk),
        NUMBER: str(number),
        ATTEMPT: str(claim.attempt),
        TOKEN: claim.token,
    }


def site_filter() -> dict[str, str | list[str] | bool]:
    """For `client.containers.list(filters=…)`: the containers of this site."""
    return {"label": f"{SITE}={settings.SITE_ID}"}
