from pathlib import Path

import pytest

from experiments_app.llamacpp.gguf_file import GgufError, check_complete, read_header


def cut(model: Path, folder: Path, size_bytes: int) -> Path:
    path = folder / "cut.gguf"
    path.write_bytes(model.read_bytes()[:size_bytes])
    return path


def test_it_reads_metadata_and_tensors(tiny_model: Path) -> None:
    header = read_header(tiny_model)
    assert header.metadata["general.architecture"] == "llama"
    assert header.metadata["llama.context_length"] == 2048
    assert header.metadata["tokenizer.ggml.tokens"][:2] == ["<|endoftext|>", "<|im_start|>"]
    assert header.tensors[0].name == "token_embd.weight"
    assert header.tensors[0].shape == (64, len(header.metadata["tokenizer.ggml.tokens"]))


def test_it_agrees_with_the_reference_reader(tiny_model: Path) -> None:
    import gguf

    theirs = gguf.GGUFReader(tiny_model)
    ours = read_header(tiny_model)
    assert list(ours.metadata) == [key for key in theirs.fields if not key.startswith("GGUF.")]
    assert [tensor.name for tensor in ours.tensors] == [tensor.name for tensor in theirs.tensors]
    assert ours.data_start_bytes == theirs.data_offset


def test_it_knows_how_large_a_file_has_to_be(tiny_model: Path) -> None:
    expected_bytes = read_header(tiny_model).expected_size_bytes()
    padding_bytes = tiny_model.stat().st_size - expected_bytes
    assert 0 <= padding_bytes < 32


def test_it_accepts_a_whole_file(tiny_model: Path) -> None:
    check_complete(tiny_model)


def test_it_refuses_a_file_without_its_last_tensors(tiny_model: Path, tmp_path: Path) -> None:
    size_bytes = tiny_model.stat().st_size
    with pytest.raises(GgufError, match=r"is cut: it has .* bytes and its tensors need"):
        check_complete(cut(tiny_model, tmp_path, size_bytes - 200))


@pytest.mark.parametrize("size_bytes", [4, 20, 24, 100, 1000, 5000])
def test_it_refuses_a_file_that_ends_in_its_header(
    tiny_model: Path, tmp_path: Path, size_bytes: int
) -> None:
    with pytest.raises(GgufError, match="ends within its header"):
        check_complete(cut(tiny_model, tmp_path, size_bytes))


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04 not a model"])
def test_it_refuses_what_is_not_gguf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(GgufError, match="is not a GGUF file"):
        read_header(path)


def test_it_refuses_a_version_that_it_cannot_read(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + (9).to_bytes(4, "little") + tiny_model.read_bytes()[8:])
    with pytest.raises(GgufError, match="its version is 9"):
        read_header(path)
