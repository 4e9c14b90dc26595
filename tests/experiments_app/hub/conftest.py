from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import TOKENIZER, Hub, hub_server

REPO = "meta-llama/Llama-3.2-1B-Instruct"
TOKEN = "hf_ATokenOfSomebody"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as found:
        found.files[REPO] = TOKENIZER
        yield found


@pytest.fixture
def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf")}
