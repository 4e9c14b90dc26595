"""Small GGUF models with random weights: real files for the real engine, made in a moment.

What they say is noise; how they load, tokenise, fail and end is the real thing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gguf
import numpy as np

from experiments_app.engines.model_source import resolve_model
from experiments_app.llamacpp.gguf_file import read_header

CONTROL, NORMAL, UNKNOWN, BYTE = (
    gguf.TokenType.CONTROL,
    gguf.TokenType.NORMAL,
    gguf.TokenType.UNKNOWN,
    gguf.TokenType.BYTE,
)
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Vocabulary:
    kind: str  # tokenizer.ggml.model: "gpt2" (byte-level BPE) or "llama" (sentencepiece)
    tokens: Sequence[str]
    types: Sequence[int]
    pre: str = "default"
    merges: Sequence[str] = ()
    scores: Sequence[float] = ()
    bos: int = 1
    eos: int = 2
    unknown: int = 0


def smollm2_vocabulary(pre: str = "smollm") -> Vocabulary:
    """SmolLM2's 49,152 tokens, to be cut into words the way that `pre` names."""
    source = resolve_model("smollm2-135m", home=Path())
    metadata = read_header(Path(source.path)).metadata
    return Vocabulary(
        kind="gpt2",
        tokens=metadata["tokenizer.ggml.tokens"],
        types=metadata["tokenizer.ggml.token_type"],
        pre=pre,
        merges=metadata["tokenizer.ggml.merges"],
    )


def byte_level_vocabulary(texts: Sequence[str], pre: str, size: int = 4000) -> Vocabulary:
    """Byte pairs merged across words, digits and lines alike, trained on `texts`.

    With such merges every word boundary that a pre-tokenizer draws, or fails to, shows.
    """
    tokens, merges = _train_byte_pairs(tuple(texts), size)
    types = [CONTROL] * len(SPECIAL_TOKENS) + [NORMAL] * (len(tokens) - len(SPECIAL_TOKENS))
    return Vocabulary(kind="gpt2", tokens=tokens, types=types, pre=pre, merges=merges)


@cache
def _train_byte_pairs(texts: tuple[str, ...], size: int) -> tuple[list[str], list[str]]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(trained["vocab"], key=trained["vocab"].__getitem__)
    return tokens, [" ".join(pair) for pair in trained["merges"]]


def sentencepiece_vocabulary(texts: Sequence[str], size: int = 2000) -> Vocabulary:
    """A sentencepiece-like vocabulary with byte fallback, trained on `texts`."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    special = ["<unk>", "<s>", "</s>"]
    byte_tokens = [f"<0x{value:02X}>" for value in range(256)]
    trained = [piece for piece, _ in pieces]
    return Vocabulary(
        kind="llama",
        tokens=[*special, *byte_tokens, *trained],
        types=[UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(trained)],
        scores=[0.0] * 259 + [-float(rank) for rank in range(len(trained))],
    )


def write_model(
    path: Path,
    vocabulary: Vocabulary | None = None,
    *,
    layers: int = 2,
    width: int = 64,
    heads: int = 2,
    context_length: int = 2048,
    seed: int = 0,
) -> Path:
    """Write a llama with random half-precision weights (7 MB with SmolLM2's vocabulary)."""
    vocabulary = vocabulary or smollm2_vocabulary()
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("random")
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_context_length(context_length)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_vocabulary(writer, vocabulary)

    def matrix(name: str, rows: int, columns: int) -> None:
        weights = random.standard_normal((rows, columns), dtype=np.float32) / np.sqrt(columns)
        writer.add_tensor(name, weights.astype(np.float16))

    def norm(name: str) -> None:
        writer.add_tensor(name, np.ones(width, dtype=np.float32))

    matrix("token_embd.weight", len(vocabulary.tokens), width)
    norm("output_norm.weight")
    for layer in range(layers):
        norm(f"blk.{layer}.attn_norm.weight")
        norm(f"blk.{layer}.ffn_norm.weight")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{layer}.{name}.weight", width, width)
        matrix(f"blk.{layer}.ffn_gate.weight", 2 * width, width)
        matrix(f"blk.{layer}.ffn_up.weight", 2 * width, width)
        matrix(f"blk.{layer}.ffn_down.weight", width, 2 * width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model(vocabulary.kind)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(vocabulary.types))
    if vocabulary.merges:
        writer.add_token_merges(list(vocabulary.merges))
    if vocabulary.scores:
        writer.add_token_scores(list(vocabulary.scores))
    writer.add_bos_token_id(vocabulary.bos)
    writer.add_eos_token_id(vocabulary.eos)
    writer.add_unk_token_id(vocabulary.unknown)
    writer.add_chat_template(CHAT_TEMPLATE)
