"""What is in the hub's cache, and how it goes out again."""

import json
import time
from pathlib import Path

import pytest

from experiments_app.hub import (
    HubError,
    HubErrorKind,
    Presence,
    cached_models,
    hf_home,
    model_state,
    remove_cached_model,
)

REPO = "org/name"
COMMIT = "b" * 40
CONFIG = {"config.json": b"{}"}


def cache(home: Path, files: dict[str, bytes], repo: str = REPO, commit: str = COMMIT) -> Path:
    """A model as the hub's library lays it out; returns its folder."""
    folder = home / "hub" / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    for place in (folder / "blobs", folder / "refs", snapshot):
        place.mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    for name, content in files.items():
        blob = folder / "blobs" / f"blob-of-{name}"
        blob.write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{blob.name}")
    return folder


def index(*names: str) -> bytes:
    return json.dumps({"weight_map": {f"layer{n}": name for n, name in enumerate(names)}}).encode()


PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = {"model.safetensors.index.json": index(*PARTS)}


# ── Is it all there ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "files",
    [
        {**CONFIG, "model.safetensors": b"w" * 900},
        {**CONFIG, "pytorch_model.bin": b"w" * 900},
        {**CONFIG, **INDEX, **dict.fromkeys(PARTS, b"w" * 400)},
        {"model-q4.gguf": b"w" * 900},
    ],
)
def test_a_model_with_all_its_weights_is_whole(tmp_path: Path, files: dict[str, bytes]) -> None:
    cache(tmp_path, files)
    state = model_state(REPO, tmp_path)
    assert state.presence is Presence.WHOLE
    assert state.size_bytes == sum(len(content) for content in files.values())
    assert state.describe() == f"org/name is in the cache ({state.size_bytes} bytes)"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (CONFIG, "the weights are missing"),
        ({"model.safetensors": b"w"}, "config.json is missing"),
        ({**CONFIG, **INDEX, PARTS[0]: b"w"}, "1 of the weights' files is missing"),
        ({**CONFIG, PARTS[1]: b"w"}, "1 of the weights' files is missing"),
        ({**CONFIG, "adapter_model.safetensors": b"w"}, "the weights are missing"),
    ],
)
def test_a_model_that_lacks_something_is_partly_there(
    tmp_path: Path, files: dict[str, bytes], missing: str
) -> None:
    cache(tmp_path, files)
    state = model_state(REPO, tmp_path)
    assert state.presence is Presence.PARTLY
    assert state.describe().endswith(missing)


def test_a_model_that_was_never_fetched_is_absent(tmp_path: Path) -> None:
    state = model_state(REPO, tmp_path)
    assert state.presence is Presence.ABSENT
    assert state.describe() == "org/name is not in the cache"


def test_a_download_that_was_broken_off_counts_for_its_size(tmp_path: Path) -> None:
    folder = cache(tmp_path, CONFIG)
    (folder / "blobs" / "abc.incomplete").write_bytes(b"w" * 500)
    state = model_state(REPO, tmp_path)
    assert (state.presence, state.size_bytes) == (Presence.PARTLY, 502)


def test_what_an_earlier_download_left_does_not_matter(tmp_path: Path) -> None:
    folder = cache(tmp_path, {**CONFIG, "model.safetensors": b"w"})
    (folder / "blobs" / "abc.incomplete").write_bytes(b"w")
    assert model_state(REPO, tmp_path).is_whole


def test_weights_whose_blob_is_gone_are_missing(tmp_path: Path) -> None:
    folder = cache(tmp_path, {**CONFIG, "model.safetensors": b"w"})
    (folder / "blobs" / "blob-of-model.safetensors").unlink()
    assert model_state(REPO, tmp_path).describe().endswith("the weights are missing")


def test_a_broken_index_is_no_set_of_weights(tmp_path: Path) -> None:
    cache(tmp_path, {**CONFIG, "model.safetensors.index.json": b"{", PARTS[0]: b"w"})
    assert model_state(REPO, tmp_path).presence is Presence.PARTLY


def test_the_newest_revision_counts(tmp_path: Path) -> None:
    cache(tmp_path, {**CONFIG, "model.safetensors": b"w"}, commit="a" * 40)
    (tmp_path / "hub" / "models--org--name" / "refs" / "main").write_text("c" * 40)
    assert model_state(REPO, tmp_path).describe().endswith("its newest revision is missing")


@pytest.mark.parametrize("commit", ["", "../../../secret", "main"])
def test_a_broken_reference_leads_nowhere(tmp_path: Path, commit: str) -> None:
    folder = cache(tmp_path, {**CONFIG, "model.safetensors": b"w"})
    (folder / "refs" / "main").write_text(commit)
    assert model_state(REPO, tmp_path).presence is Presence.PARTLY


@pytest.mark.parametrize("name", ["../etc", "a/b/c", "", "org/..", "/etc/passwd"])
def test_it_refuses_what_is_no_id(tmp_path: Path, name: str) -> None:
    with pytest.raises(HubError) as raised:
        model_state(name, tmp_path)
    assert raised.value.kind is HubErrorKind.NOT_FOUND


# ── What is there ───────────────────────────────────────────────────────────────────────────────


def test_it_lists_models_by_their_size(tmp_path: Path) -> None:
    cache(tmp_path, {"model.safetensors": b"w" * 10}, repo="org/small")
    cache(tmp_path, {"model.safetensors": b"w" * 500}, repo="large")
    found = cached_models(tmp_path)
    assert [(model.repo_id, model.size_bytes) for model in found] == [
        ("large", 500),
        ("org/small", 10),
    ]
    assert [model.revisions for model in found] == [1, 1]
    used_at = found[0].last_used_at
    assert used_at is not None
    assert abs(used_at.timestamp() - time.time()) < 60


def test_a_file_of_two_revisions_counts_once(tmp_path: Path) -> None:
    folder = cache(tmp_path, {"model.safetensors": b"w" * 500}, commit="a" * 40)
    (folder / "snapshots" / COMMIT).mkdir()
    link = folder / "snapshots" / COMMIT / "model.safetensors"
    link.symlink_to("../../blobs/blob-of-model.safetensors")
    (model,) = cached_models(tmp_path)
    assert (model.size_bytes, model.revisions) == (500, 2)


def test_without_a_cache_there_is_none(tmp_path: Path) -> None:
    assert cached_models(tmp_path) == []


def test_what_is_broken_is_listed_too(tmp_path: Path) -> None:
    (tmp_path / "hub" / "models--org--half" / "blobs").mkdir(parents=True)
    (tmp_path / "hub" / "models--org--half" / "blobs" / "a.incomplete").write_bytes(b"w" * 70)
    (model,) = cached_models(tmp_path)
    assert (model.repo_id, model.size_bytes, model.broken) == ("org/half", 70, True)


def test_what_is_no_model_is_left_out(tmp_path: Path) -> None:
    cache(tmp_path, CONFIG)
    (tmp_path / "hub" / "datasets--org--data" / "blobs").mkdir(parents=True)
    (tmp_path / "hub" / ".locks").mkdir()
    (tmp_path / "hub" / "version.txt").touch()
    assert [model.repo_id for model in cached_models(tmp_path)] == [REPO]


def test_it_says_when_the_cache_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "hub").touch()
    with pytest.raises(HubError, match="The hub's cache cannot be read"):
        cached_models(tmp_path)


# ── Out again ───────────────────────────────────────────────────────────────────────────────────


def test_it_removes_a_model_and_nothing_else(tmp_path: Path) -> None:
    """Not even a copy of it, which has the same revisions."""
    folder = cache(tmp_path, {"model.safetensors": b"w" * 500})
    cache(tmp_path, CONFIG, repo="org/other")
    (tmp_path / "hub" / ".locks" / folder.name).mkdir(parents=True)
    assert remove_cached_model(REPO, tmp_path) == 500
    assert not folder.exists()
    assert not (tmp_path / "hub" / ".locks" / folder.name).exists()
    assert [model.repo_id for model in cached_models(tmp_path)] == ["org/other"]


def test_it_removes_what_is_broken(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "models--org--name"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / "a.incomplete").write_bytes(b"w" * 70)
    assert remove_cached_model(REPO, tmp_path) == 70
    assert not folder.exists()


def test_it_removes_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "models--org--name").symlink_to(tmp_path / "elsewhere")
    remove_cached_model(REPO, tmp_path)
    assert (tmp_path / "elsewhere" / "precious").exists()
    assert not (tmp_path / "hub" / "models--org--name").is_symlink()


def test_it_says_when_there_is_nothing_to_remove(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="org/name is not in the cache"):
        remove_cached_model(REPO, tmp_path)


@pytest.mark.parametrize("name", ["../../precious", "org/name/..", "..", "/precious"])
def test_it_removes_nothing_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").mkdir()
    with pytest.raises(HubError, match="no id of the hub"):
        remove_cached_model(name, tmp_path / "hf")
    assert (tmp_path / "precious").exists()


# ── Where it is ─────────────────────────────────────────────────────────────────────────────────


def test_the_setting_says_where_the_cache_is(settings: object, tmp_path: Path) -> None:
    settings.HF_HOME = tmp_path  # type: ignore[attr-defined]
    assert hf_home() == tmp_path


def test_without_it_the_cache_is_where_the_library_looks(
    settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HF_HOME = None  # type: ignore[attr-defined]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert hf_home() == tmp_path / "huggingface"
