"""The tokenizer that the benchmark needs on this machine, fetched before any GPU is taken."""

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from experiments_app.hub.cache import REPO_ID, hf_home, main_snapshot
from experiments_app.hub.question import ask, is_offline
from experiments_app.hub_error import HubError, HubErrorKind

LIMIT_S = 300.0

# Any of these, whole, is a vocabulary that transformers reads.
VOCABULARIES: tuple[tuple[str, ...], ...] = (
    ("tokenizer.json",),
    ("*.model",),  # sentencepiece: tokenizer.model, spiece.model, sentencepiece.bpe.model
    ("tekken.json",),
    ("*.tiktoken",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
    ("vocab.json",),
)
# Whichever there is says which class reads the vocabulary.
CONFIGURATIONS = ("tokenizer_config.json", "config.json")
CHECKED_JSON = ("tokenizer.json", "tekken.json", "vocab.json", *CONFIGURATIONS)
ADVICE = "Set benchmark.model_tokenizer to the hub id or the folder of one that fits the model."


def fetch_tokenizer(
    name: str,
    environment: Mapping[str, str],
    *,
    limit_s: float = LIMIT_S,
    check: Callable[[], None] | None = None,
) -> Path:
    """The folder of the tokenizer, which then loads without any network.

    `name`: a folder, or a hub id. What is in the cache is taken as it is, without asking the hub,
    so that all experiments of a task count with the same one. `environment`: proxies, token,
    cache; what `network_environment()` gives. `check` is called while waiting and may raise.
    Raises HubError.
    """
    folder = Path(name).expanduser()
    if folder.is_absolute():
        _check(folder, f"The folder {name}")
        return folder
    if not REPO_ID.fullmatch(name):
        raise HubError(
            HubErrorKind.NOT_FOUND,
            f"The tokenizer {name!r} is neither the full path of a folder nor a hub id. {ADVICE}",
        )
    home = Path(environment.get("HF_HOME") or hf_home())
    snapshot = main_snapshot(name, home)
    offline = is_offline(environment)
    # Who else fetches into the cache may be at it just now: the configuration must be there too.
    if snapshot and (offline or (snapshot / CONFIGURATIONS[0]).is_file()) and _has(snapshot):
        _check(snapshot, f"The cached tokenizer of {name}")
        return snapshot
    if offline:
        raise HubError(
            HubErrorKind.OFFLINE_MISSING,
            f"The tokenizer of {name} is not in the cache ({home}), and HF_HUB_OFFLINE forbids to"
            f" ask the hub. Switch that off for once, or copy the cache here. {ADVICE}",
        )
    answer = ask({"action": "tokenizer", "name": name}, environment, limit_s=limit_s, check=check)
    fetched = Path(str(answer["folder"]))
    _check(fetched, f"The tokenizer of {name}")
    return fetched


def _has(folder: Path) -> bool:
    """Whether all files for a tokenizer seem to be there."""
    try:
        names = [path.name for path in folder.iterdir() if path.is_file()]
    except OSError:
        return False
    return any(name in names for name in CONFIGURATIONS) and any(
        all(any(fnmatch(name, pattern) for name in names) for pattern in patterns)
        for patterns in VOCABULARIES
    )


def _check(folder: Path, subject: str) -> None:
    """Raises HubError for a folder that no tokenizer can be loaded from."""
    if not folder.is_dir():
        raise HubError(HubErrorKind.NOT_FOUND, f"{subject} does not exist. {ADVICE}")
    if not _has(folder):
        raise HubError(
            HubErrorKind.NO_TOKENIZER,
            f"{subject} has no tokenizer in it (a tokenizer.json, or a vocabulary, and beside it"
            f" a tokenizer_config.json or a config.json). {ADVICE}",
        )
    for name in CHECKED_JSON:
        path = folder / name
        if not path.is_file():
            continue
        try:
            facts = path.stat()
            fault = _json_fault(path.resolve(), facts.st_mtime_ns, facts.st_size)
        except OSError as error:
            fault = error.strerror or str(error)
        if fault:
            raise HubError(
                HubErrorKind.NO_TOKENIZER,
                f"{subject} cannot be read: {path} is broken ({fault}). Remove the model from the"
                f" cache on the page System, or mend the file, and start again. {ADVICE}",
            )


@lru_cache(maxsize=64)
def _json_fault(path: Path, modified_ns: int, size: int) -> str:
    """Why it is no JSON object; "" for nothing. Some are 30 MB, and every experiment asks."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"
    return "" if isinstance(content, dict) else "no JSON object"
