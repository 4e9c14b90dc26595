import http.client
import json
import multiprocessing
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from experiments_app.engines.model_source import resolve_model
from experiments_app.llamacpp.tokenizer import TokenizerError, build_tokenizer
from tests.gguf_factory import (
    Vocabulary,
    byte_level_vocabulary,
    sentencepiece_vocabulary,
    write_model,
)

from .conftest import Serve, Served
from .texts import varied_texts

TEXTS = varied_texts()
PRE_TOKENIZERS = ("default", "gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35",
                  "tekken", "gpt-4o")  # fmt: skip


def load(folder: Path) -> Tokenizer:
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def differing(server: Served, tokenizer: Tokenizer) -> list[str]:
    """The texts that the server and the tokenizer do not take for the same tokens."""
    cases = [(text, False) for text in TEXTS] + [(text, True) for text in TEXTS[:10]]
    texts = []
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    for text, special in cases:
        body = json.dumps({"content": text, "add_special": special})
        connection.request("POST", "/tokenize", body, {"Content-Type": "application/json"})
        served = json.load(connection.getresponse())["tokens"]
        if tokenizer.encode(text, add_special_tokens=special).ids != served:
            texts.append(text)
    connection.close()
    return texts


def test_it_tokenises_like_the_server_that_serves_the_model(serve: Serve, tmp_path: Path) -> None:
    model = Path(resolve_model("smollm2-135m", home=tmp_path).path)
    tokenizer = load(build_tokenizer(model, tmp_path))
    assert len(TEXTS) == 400
    with serve(model) as server:
        assert differing(server, tokenizer) == []


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
def test_it_cuts_words_like_llamacpp(serve: Serve, tmp_path: Path, pre: str) -> None:
    model = write_model(tmp_path / "m.gguf", byte_level_vocabulary(TEXTS, pre))
    tokenizer = load(build_tokenizer(model, tmp_path))
    with serve(model) as server:
        assert differing(server, tokenizer) == []


def test_it_tokenises_sentencepiece_vocabularies_alike(serve: Serve, tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.gguf", sentencepiece_vocabulary(TEXTS))
    tokenizer = load(build_tokenizer(model, tmp_path))
    with serve(model) as server:
        assert differing(server, tokenizer) == []


def test_its_texts_tell_pre_tokenizers_apart(tmp_path: Path) -> None:
    counts = set()
    for pre in ("default", "gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "tekken", "gpt-4o"):
        model = write_model(tmp_path / f"{pre}.gguf", byte_level_vocabulary(TEXTS, pre))
        tokenizer = load(build_tokenizer(model, tmp_path))
        counts.add(tuple(len(tokenizer.encode(text).ids) for text in TEXTS))
    assert len(counts) == 8


def test_it_gives_the_texts_back(tmp_path: Path) -> None:
    model = Path(resolve_model("smollm2-135m", home=tmp_path).path)
    tokenizer = load(build_tokenizer(model, tmp_path))
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_it_carries_special_tokens_and_the_chat_template(tmp_path: Path) -> None:
    model = Path(resolve_model("smollm2-135m", home=tmp_path).path)
    folder = build_tokenizer(model, tmp_path)
    configuration = json.loads((folder / "tokenizer_config.json").read_text())
    assert configuration["eos_token"] == "<|im_end|>"
    assert configuration["model_max_length"] == 8192
    assert "add_generation_prompt" in configuration["chat_template"]


def test_it_is_made_once_for_a_vocabulary(tiny_model: Path, tmp_path: Path) -> None:
    folder = build_tokenizer(tiny_model, tmp_path)
    made_at = (folder / "tokenizer.json").stat().st_mtime_ns
    copy = tmp_path / "renamed.gguf"
    copy.write_bytes(tiny_model.read_bytes())
    assert build_tokenizer(copy, tmp_path) == folder
    assert (folder / "tokenizer.json").stat().st_mtime_ns == made_at


def test_it_is_made_anew_for_another_vocabulary(tiny_model: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "m.gguf", byte_level_vocabulary(["other"], "qwen2", size=280))
    assert build_tokenizer(other, tmp_path) != build_tokenizer(tiny_model, tmp_path)


def test_it_may_be_made_by_several_processes_at_once(tiny_model: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        folders = pool.starmap(build_tokenizer, [(tiny_model, tmp_path / "cache")] * 4)
    assert len(set(folders)) == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folders[0].name]
    load(folders[0])


@pytest.mark.parametrize(
    ("vocabulary", "told"),
    [
        (Vocabulary("gpt2", ["a", "b", "c"], [1, 1, 1], pre="viking"), "'viking' is not known"),
        (Vocabulary("bert", ["a", "b", "c"], [1, 1, 1]), "of the kind 'bert'"),
        (Vocabulary("llama", ["a", "b", "c"], [1, 1, 1]), "has no scores"),
    ],
)
def test_it_says_what_to_do_where_it_cannot_be_made(
    tmp_path: Path, vocabulary: Vocabulary, told: str
) -> None:
    model = write_model(tmp_path / "m.gguf", vocabulary)
    with pytest.raises(TokenizerError) as raised:
        build_tokenizer(model, tmp_path)
    assert told in str(raised.value)
    assert "Set benchmark.model_tokenizer" in str(raised.value)


def test_it_says_that_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_text("no model")
    with pytest.raises(TokenizerError, match="is not a GGUF file"):
        build_tokenizer(tmp_path / "m.gguf", tmp_path)
