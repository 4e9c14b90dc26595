"""Whether the hub answers, by the way that downloads take."""

from collections.abc import Mapping
from dataclasses import dataclass

from experiments_app.hub.question import ask, is_offline
from experiments_app.hub_error import HubError, HubErrorKind
from tasks_app.masking import mask_text

LIMIT_S = 30.0


@dataclass(frozen=True)
class HubAnswer:
    """`message` is fit for a page: what is so, then what to do about it. `kind` tells faults apart;
    None where there is none."""

    ok: bool
    message: str
    kind: HubErrorKind | None = None


def test_connection(
    environment: Mapping[str, str],
    *,
    limit_s: float = LIMIT_S,  # noqa: PT028  no test, by its name alone
) -> HubAnswer:
    """Ask the hub who we are, or without a token whether it lists models. Takes seconds."""
    if is_offline(environment):
        return HubAnswer(
            ok=False,
            message="HF_HUB_OFFLINE is set: the hub is not asked, and only cached models are used.",
            kind=HubErrorKind.OFFLINE_MISSING,
        )
    try:
        answer = ask({"action": "test"}, environment, limit_s=limit_s)
    except HubError as error:
        return HubAnswer(ok=False, message=error.message, kind=error.kind)
    return HubAnswer(ok=True, message=mask_text(str(answer["message"]), environment))


test_connection.__test__ = False  # type: ignore[attr-defined]  # nor for pytest


def find_model(name: str, environment: Mapping[str, str], *, limit_s: float = LIMIT_S) -> None:
    """Ask the hub whether it has the model and lets us have it. Raises HubError. Takes seconds."""
    if is_offline(environment):
        raise HubError(HubErrorKind.OFFLINE_MISSING, "HF_HUB_OFFLINE is set: the hub is not asked.")
    ask({"action": "model", "name": name}, environment, limit_s=limit_s)
