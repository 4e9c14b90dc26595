"""Whether a server will find a model of the hub, told before it is started."""

from collections.abc import Mapping
from pathlib import Path

from experiments_app.hub.cache import hf_home, model_state
from experiments_app.hub.question import is_offline
from experiments_app.hub_error import HubError, HubErrorKind


def require_weights(model: str, environment: Mapping[str, str]) -> None:
    """`model`: an absolute path, which needs nothing, or a hub id.

    Raises HubError where it is not whole in the cache and HF_HUB_OFFLINE forbids to fetch it.
    """
    if Path(model).is_absolute() or not is_offline(environment):
        return
    state = model_state(model, Path(environment.get("HF_HOME") or hf_home()))
    if not state.is_whole:
        raise HubError(
            HubErrorKind.OFFLINE_MISSING,
            f"{state.describe()}, and HF_HUB_OFFLINE forbids to download it. Switch that off for"
            " once, or copy the cache here.",
        )
