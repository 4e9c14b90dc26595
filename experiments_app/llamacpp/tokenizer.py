"""A Hugging Face tokenizer folder, made from the vocabulary that a GGUF file carries.

The benchmark counts and cuts prompts with a Hugging Face tokenizer; a GGUF has the same
vocabulary in another form. Made here, it needs no network and fits the file for certain. What
counts is how llama.cpp tokenises (`src/llama-vocab.cpp`), because that is what is served: where
the model's original tokenizer differs (a normaliser that llama.cpp leaves out), we follow
llama.cpp.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import Regex as HfRegex
from tokenizers.processors import TemplateProcessing

from experiments_app.llamacpp.gguf_file import GgufError, read_header

MAKER_VERSION = 1  # raised with every change of what is made, so that old folders are not used

# tokenizer.ggml.token_type
UNKNOWN, CONTROL, USER_DEFINED, BYTE = 2, 3, 4, 6

# How a text is cut into words before byte pairs are merged, by `tokenizer.ggml.pre`: the
# expressions of llama-vocab.cpp, applied one after the other.
GPT2_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
CONTRACTIONS = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
MODERN_WORDS = (
    CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN35_WORDS = (
    CONTRACTIONS
    + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    + r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Words end where small letters turn to capitals.
CASED_WORDS = (
    r"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+%(suffix)s"
    r"|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*%(suffix)s"
    r"|\p{N}%(digits)s| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
EXPRESSIONS: dict[str, tuple[str, ...]] = {
    "default": (r"[\p{P}\$\+<=>\^~\|]+", GPT2_WORDS, r"\p{N}+", r"[0-9][0-9][0-9]"),
    "gpt-2": (GPT2_WORDS,),
    "smollm": (r"\p{N}", GPT2_WORDS),
    "llama-bpe": (MODERN_WORDS % "{1,3}",),
    "qwen2": (MODERN_WORDS % "",),
    "qwen35": (QWEN35_WORDS,),
    "tekken": (CASED_WORDS % {"suffix": "", "digits": ""},),
    "gpt-4o": (CASED_WORDS % {"suffix": CONTRACTIONS + "?", "digits": "{1,3}"},),
}
SAME_AS = {
    "llama3": "llama-bpe",
    "llama-v3": "llama-bpe",
    "falcon3": "llama-bpe",
    "smaug-bpe": "llama-bpe",
    "starcoder": "smollm",
    "refact": "smollm",
    "command-r": "smollm",
    "phi-2": "gpt-2",
    "mpt": "gpt-2",
    "olmo": "gpt-2",
    "deepseek-r1-qwen": "qwen2",
    "llama4": "gpt-4o",
}
# These take whole words of the vocabulary without merging (llama.cpp's `ignore_merges`) and begin
# a text with BOS unless the file says otherwise.
WHOLE_WORDS_AND_BOS = frozenset({"llama-bpe", "llama3", "llama-v3", "falcon3", "tekken"})
SPACE = "▁"  # what sentencepiece writes for a space


class TokenizerError(Exception):
    """No tokenizer can be made from this file; the message says what to do instead."""


def build_tokenizer(gguf: Path, cache_dir: Path) -> Path:
    """The folder of the file's tokenizer, made on the first call for its vocabulary.

    Folders are named by the vocabulary's content, so equal vocabularies share one and a changed
    file never meets an old one. Several processes may call this at once.
    """
    try:
        metadata = read_header(gguf).metadata
    except (GgufError, OSError) as error:
        raise TokenizerError(f"The vocabulary of {gguf} cannot be read: {error}") from error
    vocabulary = {key: value for key, value in metadata.items() if key.startswith("tokenizer.")}
    folder = cache_dir / _fingerprint(vocabulary)
    if folder.is_dir():
        return folder
    tokenizer = _make(vocabulary, gguf)
    cache_dir.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=cache_dir))
    try:
        tokenizer.save(str(draft / "tokenizer.json"))
        _write_json(draft / "tokenizer_config.json", _configuration(vocabulary, metadata))
        _write_json(draft / "special_tokens_map.json", _special_tokens(vocabulary))
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, with the same content
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _fingerprint(vocabulary: dict[str, Any]) -> str:
    content = json.dumps([MAKER_VERSION, vocabulary], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()[:32]


def _make(vocabulary: dict[str, Any], gguf: Path) -> Tokenizer:
    kind = str(vocabulary.get("tokenizer.ggml.model", ""))
    makers: dict[str, Callable[[dict[str, Any]], Tokenizer]] = {"gpt2": _bpe, "llama": _spm}
    if kind not in makers or "tokenizer.ggml.tokens" not in vocabulary:
        raise TokenizerError(_advice(gguf, f"its vocabulary is of the kind {kind or 'none'!r}"))
    try:
        tokenizer = makers[kind](vocabulary)
    except _Unsupported as error:
        raise TokenizerError(_advice(gguf, str(error))) from None
    _add_special_tokens(tokenizer, vocabulary)
    return tokenizer


def _advice(gguf: Path, reason: str) -> str:
    return (
        f"No tokenizer can be made from {gguf.name}: {reason}. Set benchmark.model_tokenizer to the"
        " hub id or the folder of the model's Hugging Face tokenizer."
    )


class _Unsupported(Exception):
    pass


def _bpe(vocabulary: dict[str, Any]) -> Tokenizer:
    """Byte-level BPE."""
    pre = str(vocabulary.get("tokenizer.ggml.pre", "default"))
    expressions = EXPRESSIONS.get(SAME_AS.get(pre, pre))
    if expressions is None:
        raise _Unsupported(f"its pre-tokenizer {pre!r} is not known here")
    merges = [_pair(merge) for merge in vocabulary.get("tokenizer.ggml.merges", [])]
    model = models.BPE(
        vocab=_token_ids(vocabulary), merges=merges, ignore_merges=pre in WHOLE_WORDS_AND_BOS
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(
                pre_tokenizers.Split(HfRegex(expression), behavior="isolated")
                for expression in expressions
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _spm(vocabulary: dict[str, Any]) -> Tokenizer:
    """Sentencepiece's BPE (Llama 2): merges follow from the pieces' scores, bytes fall back."""
    pieces = _token_ids(vocabulary)
    scores = vocabulary.get("tokenizer.ggml.scores")
    if scores is None:
        raise _Unsupported("its vocabulary has no scores")
    unknown = next(
        (
            piece
            for piece, type_id in zip(
                vocabulary["tokenizer.ggml.tokens"],
                vocabulary.get("tokenizer.ggml.token_type", []),
                strict=False,
            )
            if type_id == UNKNOWN
        ),
        None,
    )
    model = models.BPE(
        vocab=pieces,
        merges=_merges_by_score(pieces, scores),
        unk_token=unknown,
        fuse_unk=True,
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    steps: list[Any] = [normalizers.Replace(" ", SPACE)]
    strip = 0
    if vocabulary.get("tokenizer.ggml.add_space_prefix", True):
        steps.insert(0, normalizers.Prepend(SPACE))
        strip = 1
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=strip),
        ]
    )
    return tokenizer


def _merges_by_score(pieces: dict[str, int], scores: list[float]) -> list[tuple[str, str]]:
    """Every way to put a piece together from two others, the best-scored piece first."""
    merges = []
    for piece, token_id in pieces.items():
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in pieces and right in pieces:
                merges.append((-scores[token_id], pieces[left], pieces[right], left, right))
    return [(left, right) for _, _, _, left, right in sorted(merges)]


def _token_ids(vocabulary: dict[str, Any]) -> dict[str, int]:
    return {token: index for index, token in enumerate(vocabulary["tokenizer.ggml.tokens"])}


def _pair(merge: str) -> tuple[str, str]:
    left, right = merge.split(" ", 1)
    return left, right


def _add_special_tokens(tokenizer: Tokenizer, vocabulary: dict[str, Any]) -> None:
    tokens = vocabulary["tokenizer.ggml.tokens"]
    types = vocabulary.get("tokenizer.ggml.token_type", [])
    added = [
        AddedToken(token, special=type_id == CONTROL, normalized=False)
        for token, type_id in zip(tokens, types, strict=False)
        if type_id in (CONTROL, USER_DEFINED) and token
    ]
    tokenizer.add_special_tokens([token for token in added if token.special])
    tokenizer.add_tokens([token for token in added if not token.special])
    begins = (
        vocabulary["tokenizer.ggml.model"] == "llama"
        or vocabulary.get("tokenizer.ggml.pre") in WHOLE_WORDS_AND_BOS
    )
    before = _ends(vocabulary, "bos", default=begins)
    after = _ends(vocabulary, "eos", default=False)
    if before or after:
        tokenizer.post_processor = TemplateProcessing(
            single=[*before, "$A", *after],
            pair=[*before, "$A", *after, *before, "$B", *after],
            special_tokens=[(token, _token_ids(vocabulary)[token]) for token in {*before, *after}],
        )


def _ends(vocabulary: dict[str, Any], which: str, *, default: bool) -> list[str]:
    token = _special_tokens(vocabulary).get(f"{which}_token")
    wanted = vocabulary.get(f"tokenizer.ggml.add_{which}_token", default)
    return [token] if wanted and token else []


def _special_tokens(vocabulary: dict[str, Any]) -> dict[str, str]:
    tokens = vocabulary["tokenizer.ggml.tokens"]
    names = {"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}
    found = {}
    for name, short in names.items():
        token_id = vocabulary.get(f"tokenizer.ggml.{name}_token_id")
        if token_id is not None and token_id < len(tokens):
            found[f"{short}_token"] = tokens[token_id]
    return found


def _configuration(vocabulary: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **_special_tokens(vocabulary),
    }
    architecture = metadata.get("general.architecture")
    if context_length := metadata.get(f"{architecture}.context_length"):
        configuration["model_max_length"] = context_length
    if template := vocabulary.get("tokenizer.chat_template"):
        configuration["chat_template"] = template
    return configuration


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
