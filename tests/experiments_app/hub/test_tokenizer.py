"""Fetching a tokenizer with the real client, and what is fit to be one."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tokenizers import Tokenizer

from experiments_app.hub import HubError, HubErrorKind, fetch_tokenizer
from experiments_app.llamacpp.tokenizer import build_tokenizer
from tests.experiments_app.hub.conftest import REPO, TOKEN
from tests.gguf_factory import byte_level_vocabulary, write_model
from tests.hub_server import COMMIT, TOKENIZER, Hub


def failure(environment: dict[str, str], name: str = REPO, limit_s: float = 30) -> HubError:
    with pytest.raises(HubError) as raised:
        fetch_tokenizer(name, environment, limit_s=limit_s)
    return raised.value


# ── It is fetched ───────────────────────────────────────────────────────────────────────────────


def test_it_fetches_the_files_of_the_tokenizer_alone(
    hub: Hub, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = fetch_tokenizer(REPO, environment)
    cached = tmp_path / "hf" / "hub" / "models--meta-llama--Llama-3.2-1B-Instruct"
    assert folder == cached / "snapshots" / COMMIT
    wanted = set(TOKENIZER) - {"model.safetensors", "README.md"}
    assert {path.name for path in folder.iterdir()} == wanted
    assert (folder / "tokenizer.json").read_bytes() == TOKENIZER["tokenizer.json"]


def test_it_takes_the_second_time_from_the_cache(hub: Hub, environment: dict[str, str]) -> None:
    folder = fetch_tokenizer(REPO, environment)
    hub.asked.clear()
    assert fetch_tokenizer(REPO, environment) == folder
    assert hub.asked == []


def test_offline_it_takes_what_is_in_the_cache(hub: Hub, environment: dict[str, str]) -> None:
    folder = fetch_tokenizer(REPO, environment)
    assert fetch_tokenizer(REPO, {**environment, "HF_HUB_OFFLINE": "1"}) == folder


def test_it_goes_on_where_half_is_in_the_cache(hub: Hub, environment: dict[str, str]) -> None:
    folder = fetch_tokenizer(REPO, environment)
    (folder / "tokenizer.json").unlink()
    assert (fetch_tokenizer(REPO, environment) / "tokenizer.json").is_file()


def test_it_shows_the_token_to_the_hub(hub: Hub, environment: dict[str, str]) -> None:
    fetch_tokenizer(REPO, {**environment, "HF_TOKEN": TOKEN})
    assert hub.tokens == {TOKEN}


def test_a_token_of_ours_goes_nowhere_by_itself(
    hub: Hub, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch_tokenizer(REPO, environment)
    assert hub.tokens == set()


def test_the_token_stands_in_no_list_of_processes(hub: Hub, environment: dict[str, str]) -> None:
    hub.hangs = True
    lines: list[list[str]] = []

    def check() -> None:
        for child in psutil.Process().children():
            with suppress(psutil.Error):  # it has just ended
                lines.append(child.cmdline())
        if hub.asked:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_tokenizer(REPO, {**environment, "HF_TOKEN": TOKEN}, check=check)
    assert any("experiments_app.hub_client" in line for line in lines)
    assert not any(TOKEN in word for line in lines for word in line)


def test_it_stops_when_it_is_told_to(hub: Hub, environment: dict[str, str]) -> None:
    hub.hangs = True

    class Cancelled(Exception):
        pass

    def check() -> None:
        raise Cancelled

    before = set(psutil.Process().children())  # other tests' engines, say
    started = time.monotonic()
    with pytest.raises(Cancelled):
        fetch_tokenizer(REPO, environment, check=check)
    assert time.monotonic() - started < 5
    assert set(psutil.Process().children()) <= before


# ── Folders ─────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_passes_straight_through(tmp_path: Path) -> None:
    for name, content in TOKENIZER.items():
        (tmp_path / name).write_bytes(content)
    assert fetch_tokenizer(str(tmp_path), {}) == tmp_path


@pytest.mark.parametrize(
    "names", [["tokenizer.model"], ["vocab.json", "merges.txt"], ["vocab.txt"], ["tekken.json"]]
)
def test_it_knows_the_other_forms_of_a_vocabulary(tmp_path: Path, names: list[str]) -> None:
    for name in ["config.json", *names]:
        (tmp_path / name).write_text("{}")
    assert fetch_tokenizer(str(tmp_path), {}) == tmp_path


def test_it_refuses_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    error = failure({}, str(tmp_path))
    assert error.kind is HubErrorKind.NO_TOKENIZER
    assert "Set benchmark.model_tokenizer" in error.message


def test_it_refuses_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text('{"model": ')
    error = failure({}, str(tmp_path))
    assert error.kind is HubErrorKind.NO_TOKENIZER
    assert f"{tmp_path / 'tokenizer.json'} is broken (no JSON" in error.message


def test_it_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    error = failure({}, str(tmp_path / "gone"))
    assert error.kind is HubErrorKind.NOT_FOUND
    assert "does not exist" in error.message


def test_it_refuses_what_is_neither_folder_nor_id() -> None:
    error = failure({}, "a/b/c; rm -rf")
    assert error.kind is HubErrorKind.NOT_FOUND
    assert "neither the full path of a folder nor a hub id" in error.message


# ── And it loads ────────────────────────────────────────────────────────────────────────────────

LOAD = """
import json, sys
from transformers import AutoTokenizer
print(json.dumps(AutoTokenizer.from_pretrained(sys.argv[1]).encode("hello you")))
"""


def test_what_was_fetched_loads_as_the_benchmark_loads_it(
    hub: Hub, environment: dict[str, str], tmp_path: Path
) -> None:
    vocabulary = byte_level_vocabulary(["hello world, how are you?"], pre="gpt-2", size=300)
    made = build_tokenizer(write_model(tmp_path / "tiny.gguf", vocabulary), tmp_path / "made")
    hub.files[REPO] = {path.name: path.read_bytes() for path in made.iterdir()}
    folder = fetch_tokenizer(REPO, environment)
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)],
        env={**os.environ, **environment, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        check=True,
    )
    expected = Tokenizer.from_file(str(made / "tokenizer.json")).encode("hello you").ids
    assert json.loads(loaded.stdout) == expected
