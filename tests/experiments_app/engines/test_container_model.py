"""What a container is given of a model, and what it is not."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments_app.engines.model_source import (
    ContainerModel,
    ModelNotFound,
    container_model,
    resolve_model,
)

HUB_ID = "meta-llama/Llama-3.2-1B-Instruct"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def given(
    name: str | Path, models: Path | None, home: Path = Path("/nowhere/home")
) -> ContainerModel:
    source = resolve_model(str(name), home=home, models_dir=models)
    return container_model(source, models_dir=models, hf_home=home / "hf")


def refusal(name: str | Path, models: Path | None) -> str:
    with pytest.raises(ModelNotFound) as raised:
        given(name, models)
    return str(raised.value)


def inside(model: ContainerModel, path: str) -> Path:
    """Where a path of the container is here."""
    (mount,) = model.mounts
    return mount.source / Path(path).relative_to(mount.target)


# ── models of the hub ───────────────────────────────────────────────────────────────────────────


def test_it_mounts_the_hub_cache_for_writing(tmp_path: Path) -> None:
    model = given(HUB_ID, None, home=tmp_path)
    assert model.path == HUB_ID
    assert model.environment == {"MODEL_PATH": HUB_ID, "HF_HOME": "/hf"}
    (mount,) = model.mounts
    assert (mount.source, mount.target) == (tmp_path / "hf" / "hub", "/hf/hub")
    assert not mount.read_only


def test_it_keeps_the_tokens_beside_the_cache_to_itself(tmp_path: Path) -> None:
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_of_this_user")
    (mount,) = given(HUB_ID, None, home=tmp_path).mounts
    assert not (tmp_path / "hf" / "token").is_relative_to(mount.source)


def test_it_says_when_the_cache_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "hf").touch()
    with pytest.raises(ModelNotFound, match="Set HF_HOME to a folder"):
        given(HUB_ID, None, home=tmp_path)


# ── folders ─────────────────────────────────────────────────────────────────────────────────────


def test_it_mounts_a_folder_read_only(models: Path) -> None:
    folder = model_folder(models / "llama")
    model = given(folder, models)
    (mount,) = model.mounts
    assert (mount.source, mount.target, mount.read_only) == (folder, "/model", True)
    assert model.environment["MODEL_PATH"] == model.path == "/model"


def test_it_mounts_what_a_link_leads_to(models: Path) -> None:
    folder = model_folder(models / "llama-v2")
    (models / "llama").symlink_to(folder)
    (mount,) = given("llama", models).mounts
    assert mount.source == folder


def test_the_models_folder_may_be_a_link_itself(tmp_path: Path, models: Path) -> None:
    folder = model_folder(models / "llama")
    (tmp_path / "link").symlink_to(models)
    (mount,) = given("llama", tmp_path / "link").mounts
    assert mount.source == folder


def test_links_of_the_hub_cache_hold_inside(models: Path) -> None:
    repo = models / "models--org--name"
    (repo / "blobs").mkdir(parents=True)
    (repo / "blobs" / "abc").write_text("{}")
    snapshot = repo / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    model = given(snapshot, models)
    (mount,) = model.mounts
    assert (mount.source, mount.target) == (repo, "/model")
    assert model.path == "/model/snapshots/0123"
    assert inside(model, f"{model.path}/config.json").read_text() == "{}"


def test_links_through_links_hold_inside(models: Path) -> None:
    """The hub's store of shared blobs: a link to a link, two folders up."""
    (models / "blobs").mkdir()
    (models / "blobs" / "shared").write_text("{}")
    repo = models / "models--org--name"
    (repo / "blobs").mkdir(parents=True)
    (repo / "blobs" / "abc").symlink_to("../../blobs/shared")
    (repo / "snapshots").mkdir()
    (repo / "snapshots" / "config.json").symlink_to("../blobs/abc")
    model = given(repo / "snapshots", models)
    assert model.mounts[0].source == models
    assert model.path == "/model/models--org--name/snapshots"


def test_it_looks_behind_links_to_folders(tmp_path: Path, models: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = model_folder(models / "llama")
    (models / "extra").mkdir()
    (models / "extra" / "leak").symlink_to("../../secret")
    (folder / "extra").symlink_to("../extra")
    assert f"{models / 'extra' / 'leak'} is a link that leads out of" in refusal(folder, models)


def test_it_refuses_a_folder_elsewhere(tmp_path: Path, models: Path) -> None:
    folder = model_folder(tmp_path / "elsewhere")
    message = refusal(folder, models)
    assert f"{folder} is outside {models}" in message
    assert "put the model there, or set DOCKER_MODEL_PATH" in message


def test_it_refuses_a_way_up(tmp_path: Path, models: Path) -> None:
    model_folder(tmp_path / "elsewhere")
    assert "is outside" in refusal("../elsewhere", models)


def test_it_refuses_a_link_out_of_the_models_folder(tmp_path: Path, models: Path) -> None:
    folder = model_folder(tmp_path / "elsewhere")
    (models / "llama").symlink_to(folder)
    message = refusal("llama", models)
    assert f"{models / 'llama'} is a link to {folder}, which is outside {models}" in message


def test_it_refuses_a_folder_whose_name_only_begins_alike(tmp_path: Path, models: Path) -> None:
    assert "is outside" in refusal(model_folder(tmp_path / "models-of-others"), models)


@pytest.mark.parametrize("target", ["../../secret", "../../../../../../../../etc/hostname"])
def test_it_refuses_a_file_that_links_out(tmp_path: Path, models: Path, target: str) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = model_folder(models / "llama")
    (folder / "weights").symlink_to(target)
    assert f"{folder / 'weights'} is a link that leads out of {models}" in refusal(folder, models)


def test_it_refuses_a_link_that_leaves_and_comes_back(models: Path) -> None:
    folder = model_folder(models / "llama")
    (folder / "weights").symlink_to(f"../../{models.name}/llama/config.json")
    assert "leads out of" in refusal(folder, models)


def test_it_refuses_an_absolute_link(models: Path) -> None:
    folder = model_folder(models / "llama")
    (folder / "weights").symlink_to(folder / "config.json")
    message = refusal(folder, models)
    assert f"{folder / 'weights'} is an absolute link" in message
    assert "Make it a relative one" in message


def test_it_names_a_link_to_nothing(models: Path) -> None:
    folder = model_folder(models / "llama")
    (folder / "weights").symlink_to("../blobs/gone")
    assert f"{folder / 'weights'} is a link to {models / 'blobs'}" in refusal(folder, models)


def test_it_names_a_link_in_a_circle(models: Path) -> None:
    folder = model_folder(models / "llama")
    (folder / "weights").symlink_to("weights")
    assert "link in a circle" in refusal(folder, models)


def test_a_folder_that_links_to_itself_ends(models: Path) -> None:
    folder = model_folder(models / "llama")
    (folder / "again").symlink_to(".")
    assert given(folder, models).mounts[0].source == folder


def test_it_asks_for_the_setting(models: Path) -> None:
    assert "set DOCKER_MODEL_PATH" in refusal(model_folder(models / "llama"), None)


def test_it_says_when_the_setting_names_nothing(tmp_path: Path, models: Path) -> None:
    folder = model_folder(models / "llama")
    source = resolve_model(str(folder), home=tmp_path)
    with pytest.raises(ModelNotFound, match=r"DOCKER_MODEL_PATH is .*gone, which cannot be opened"):
        container_model(source, models_dir=tmp_path / "gone", hf_home=tmp_path)


@pytest.mark.parametrize("name", ["a:b", "a,b", 'a"b', "a\nb"])
def test_it_refuses_what_a_mount_cannot_be_called(models: Path, name: str) -> None:
    message = refusal(model_folder(models / name), models)
    assert "Rename it" in message
    assert repr(name[1]) in message


def test_it_refuses_the_socket_of_a_daemon(models: Path) -> None:
    folder = model_folder(models / "llama")
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(folder / "s"))
        assert f"{folder / 's'} is neither a file nor a folder" in refusal(folder, models)


def test_it_refuses_a_pipe_as_a_model(models: Path) -> None:
    os.mkfifo(models / "pipe.gguf")
    assert "pipe.gguf is neither a file nor a folder" in refusal(models / "pipe.gguf", models)


def test_it_refuses_a_model_that_went_away(models: Path) -> None:
    folder = model_folder(models / "llama")
    source = resolve_model(str(folder), home=models)
    folder.rename(models / "other")
    with pytest.raises(ModelNotFound, match="llama cannot be opened: No such file"):
        container_model(source, models_dir=models, hf_home=models)


def test_it_refuses_a_folder_that_it_cannot_read(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the fault itself is put there."""
    folder = model_folder(models / "llama")
    (folder / "deep").mkdir()
    look = Path.iterdir

    def closed(path: Path) -> Iterator[Path]:
        if path.name == "deep":
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    assert "deep cannot be read: Permission denied" in refusal(folder, models)


# ── GGUF files ──────────────────────────────────────────────────────────────────────────────────


def test_it_mounts_a_gguf_file_alone(models: Path) -> None:
    (models / "my.gguf").touch()
    (models / "other.gguf").touch()
    model = given(models / "my.gguf", models)
    (mount,) = model.mounts
    assert (mount.source, mount.target) == (models / "my.gguf", "/model/my.gguf")
    assert mount.read_only
    assert model.path == "/model/my.gguf"


def test_a_linked_gguf_file_keeps_its_name(models: Path) -> None:
    (models / "blob").touch()
    (models / "my.gguf").symlink_to("blob")
    (mount,) = given("my.gguf", models).mounts
    assert (mount.source, mount.target) == (models / "blob", "/model/my.gguf")


def test_it_refuses_a_gguf_file_that_links_out(tmp_path: Path, models: Path) -> None:
    (tmp_path / "blob").touch()
    (models / "my.gguf").symlink_to(tmp_path / "blob")
    assert "my.gguf is a link to" in refusal("my.gguf", models)


def test_it_mounts_the_folder_of_a_split_model(models: Path) -> None:
    (models / "m").mkdir()
    for number in (1, 2):
        (models / "m" / f"m-0000{number}-of-00002.gguf").touch()
    model = given("m", models)
    (mount,) = model.mounts
    assert (mount.source, mount.target) == (models / "m", "/model")
    assert model.path == "/model/m-00001-of-00002.gguf"


def test_it_names_a_missing_part(models: Path) -> None:
    (models / "m-00001-of-00002.gguf").touch()
    message = refusal(models / "m-00001-of-00002.gguf", models)
    assert "one of 2 files, and m-00002-of-00002.gguf is missing" in message


def test_the_parts_of_a_split_model_may_be_links(models: Path) -> None:
    (models / "blobs").mkdir()
    (models / "m").mkdir()
    for number in (1, 2):
        (models / "blobs" / str(number)).touch()
        (models / "m" / f"m-0000{number}-of-00002.gguf").symlink_to(f"../blobs/{number}")
    model = given("m", models)
    assert model.mounts[0].source == models
    assert model.path == "/model/m/m-00001-of-00002.gguf"


def test_it_mounts_the_packaged_model(tmp_path: Path) -> None:
    model = given("smollm2-135m", None, home=tmp_path)
    (mount,) = model.mounts
    assert mount.source.is_file()
    assert model.path == mount.target == "/model/SmolLM2-135M-Instruct.Q4_1.gguf"
    assert mount.read_only
