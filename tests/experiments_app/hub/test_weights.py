from pathlib import Path

import pytest

from experiments_app.hub import HubError, HubErrorKind, require_weights


def test_it_refuses_a_model_that_is_not_in_the_cache_where_the_hub_may_not_be_asked(
    tmp_path: Path,
) -> None:
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}

    with pytest.raises(HubError, match="org/model is not in the cache") as caught:
        require_weights("org/model", environment)
    assert caught.value.kind is HubErrorKind.OFFLINE_MISSING


def is_refused(model: str, environment: dict[str, str]) -> bool:
    try:
        require_weights(model, environment)
    except HubError:
        return True
    return False


def test_it_leaves_it_to_the_server_to_fetch_a_model_otherwise(tmp_path: Path) -> None:
    assert not is_refused("org/model", {"HF_HOME": str(tmp_path)})


def test_it_has_nothing_to_ask_for_a_model_on_this_disk() -> None:
    assert not is_refused("/models/m.gguf", {"HF_HUB_OFFLINE": "1"})
