from pathlib import Path
from typing import Any

import pytest

from experiments_app.hub import cache_line
from tasks_app.spec import TaskSpec
from tests.experiments_app.hub.test_cache import CONFIG, REPO, cache
from tests.experiments_app.specs import task_data

pytestmark = pytest.mark.django_db  # where HF_HUB_OFFLINE may be set, too


def line(model: str | Path) -> str:
    return cache_line(TaskSpec.from_data(task_data(model={"id_or_path": str(model)})))


@pytest.fixture
def home(settings: Any, tmp_path: Path) -> Path:
    settings.HF_HOME = tmp_path
    settings.HF_HUB_OFFLINE = False
    return tmp_path


def test_a_model_in_the_cache_is_not_downloaded(home: Path) -> None:
    cache(home, {**CONFIG, "model.safetensors": b"w" * 3 * 2**20})
    assert line(REPO) == "org/name is in the cache (3 MiB)"


def test_a_model_that_is_not_there_will_be(home: Path) -> None:
    assert line(REPO) == "org/name is not in the cache: it will be downloaded"


def test_the_rest_of_a_model_will_be_downloaded(home: Path) -> None:
    cache(home, CONFIG)
    assert line(REPO).endswith("the weights are missing: the rest will be downloaded")


def test_offline_nothing_will_be_downloaded(home: Path, settings: Any) -> None:
    settings.HF_HUB_OFFLINE = True
    assert line(REPO).endswith("is not in the cache, and HF_HUB_OFFLINE forbids to download it")


def test_a_folder_has_a_size(home: Path) -> None:
    (home / "llama").mkdir()
    (home / "llama" / "config.json").touch()
    (home / "llama" / "model.safetensors").write_bytes(b"w" * 2**20)
    assert line(home / "llama") == f"{home / 'llama'}, 1 MiB"


def test_a_split_file_has_the_size_of_all(home: Path) -> None:
    for number in (1, 2):
        (home / f"m-0000{number}-of-00002.gguf").write_bytes(b"w" * 2**20)
    assert line(home / "m-00001-of-00002.gguf").endswith("m-00001-of-00002.gguf), 2 MiB")


def test_the_packaged_model_is_there(home: Path) -> None:
    assert line("smollm2-135m") == "smollm2-135m (SmolLM2-135M-Instruct.Q4_1.gguf), 94 MiB"


def test_a_model_that_is_nowhere_says_so(home: Path) -> None:
    assert "does not exist" in line(home / "gone" / "m.gguf")
