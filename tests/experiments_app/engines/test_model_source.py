from pathlib import Path

import pytest

from experiments_app.engines.model_source import ModelNotFound, resolve_model


def refusal(name: str, home: Path, **options: object) -> str:
    with pytest.raises(ModelNotFound) as raised:
        resolve_model(name, home=home, **options)  # type: ignore[arg-type]
    return str(raised.value)


def test_it_finds_the_weights_that_come_with_a_package(tmp_path: Path) -> None:
    source = resolve_model("smollm2-135m", home=tmp_path)
    assert Path(source.path).name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert Path(source.path).is_file()
    assert source.gguf
    assert source.display == "smollm2-135m"


def test_it_takes_the_path_of_a_gguf_file(tmp_path: Path) -> None:
    (tmp_path / "my.gguf").touch()
    source = resolve_model(str(tmp_path / "my.gguf"), home=tmp_path)
    assert (source.path, source.display, source.gguf) == (str(tmp_path / "my.gguf"), "my", True)


def test_it_expands_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my.gguf").touch()
    assert resolve_model("~/my.gguf", home=tmp_path).path == str(tmp_path / "my.gguf")


def test_it_looks_relative_names_up_in_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "config.json").touch()
    source = resolve_model("llama", home=tmp_path, models_dir=tmp_path)
    assert (source.path, source.gguf) == (str(tmp_path / "llama"), False)
    assert source.tokenizer == source.path


def test_it_takes_the_only_gguf_file_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").touch()
    assert resolve_model(str(tmp_path), home=tmp_path).path == str(tmp_path / "a.gguf")


def test_it_takes_the_first_of_a_split_model(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"m-0000{number}-of-00003.gguf").touch()
    source = resolve_model(str(tmp_path), home=tmp_path)
    assert source.path.endswith("m-00001-of-00003.gguf")


def test_it_asks_which_of_several_files_is_meant(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").touch()
    (tmp_path / "b.gguf").touch()
    assert "several GGUF files (a.gguf, b.gguf)" in refusal(str(tmp_path), tmp_path)


def test_it_passes_a_hub_id_through(tmp_path: Path) -> None:
    source = resolve_model("meta-llama/Llama-3.2-1B-Instruct", home=tmp_path)
    assert source.path == "meta-llama/Llama-3.2-1B-Instruct"
    assert source.display == "Llama-3.2-1B-Instruct"
    assert source.tokenizer == source.path


def test_it_refuses_a_hub_id_for_an_engine_of_files(tmp_path: Path) -> None:
    message = refusal("meta-llama/Llama-3.2-1B", tmp_path, gguf_only=True)
    assert "loads GGUF files only" in message
    assert "smollm2-135m" in message


def test_it_names_the_nearest_file(tmp_path: Path) -> None:
    (tmp_path / "llama-q4.gguf").touch()
    message = refusal(str(tmp_path / "lama-q4.gguf"), tmp_path)
    assert f"Did you mean {tmp_path / 'llama-q4.gguf'}?" in message


def test_it_says_which_folder_is_missing(tmp_path: Path) -> None:
    message = refusal(str(tmp_path / "absent" / "deeper" / "m.gguf"), tmp_path)
    assert f"The folder {tmp_path / 'absent' / 'deeper'} does not exist either" in message
    assert f"{tmp_path} does" in message


def test_it_names_the_nearest_alias(tmp_path: Path) -> None:
    assert "Did you mean smollm2-135m?" in refusal("smolm2-135", tmp_path)


def test_it_lists_what_would_be_right(tmp_path: Path) -> None:
    message = refusal("nothing like it", tmp_path)
    assert "the full path of a .gguf file" in message
    assert "smollm2-135m" in message


def test_it_refuses_a_relative_path(tmp_path: Path) -> None:
    assert "is not an absolute path" in refusal("models/m.gguf", tmp_path)


def test_it_refuses_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").touch()
    message = refusal(str(tmp_path / "weights.bin"), tmp_path)
    assert "neither a .gguf file nor a folder" in message


def test_it_refuses_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "lacks a config.json or a .gguf file" in refusal(str(tmp_path), tmp_path)
