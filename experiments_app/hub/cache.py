"""What of the hub is on this machine. Asks no network."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from experiments_app import words
from experiments_app.hub_error import HubError, HubErrorKind

# As huggingface_hub names the folders of its cache.
REPO_PREFIX = "models--"
REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")

# Each index names the files of one complete set of weights.
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
WEIGHTS = re.compile(r".+\.(safetensors|bin|pt|pth|gguf)", re.IGNORECASE)
PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
CONFIGURATIONS = {"config.json", "params.json"}  # the latter as Mistral has it
NO_WEIGHTS = re.compile(r"(training_args|optimizer|scheduler|rng_state.*|adapter_model)\.\w+")


class Presence(StrEnum):
    WHOLE = "whole"
    PARTLY = "partly"
    ABSENT = "absent"


@dataclass(frozen=True)
class CachedModel:
    """A model in the cache. `broken`: the hub's library cannot read what is there of it."""

    repo_id: str
    size_bytes: int
    last_used_at: datetime | None
    revisions: int
    broken: bool = False


@dataclass(frozen=True)
class ModelState:
    """How much of a model is in the cache. `size_bytes` counts half-downloaded files too."""

    repo_id: str
    presence: Presence
    size_bytes: int = 0
    missing: str = ""

    @property
    def is_whole(self) -> bool:
        return self.presence is Presence.WHOLE

    def describe(self) -> str:
        """One clause, without a full stop."""
        if self.presence is Presence.ABSENT:
            return f"{self.repo_id} is not in the cache"
        size = words.size(self.size_bytes)
        if self.presence is Presence.WHOLE:
            return f"{self.repo_id} is in the cache ({size})"
        return f"{self.repo_id} is partly in the cache ({size}): {self.missing} missing"


def hf_home() -> Path:
    """The folder of the hub's library: the setting, or where the library itself would look."""
    if settings.HF_HOME:
        return Path(settings.HF_HOME)
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "huggingface"


def hub_cache(home: Path) -> Path:
    return home / "hub"


def repo_folder(repo_id: str, home: Path) -> Path:
    """Where a model lies in the cache. Raises HubError for what is no id of a model."""
    if not REPO_ID.fullmatch(repo_id):
        raise HubError(
            HubErrorKind.NOT_FOUND,
            f"{repo_id!r} is no id of the hub, such as meta-llama/Llama-3.2-1B-Instruct.",
        )
    return hub_cache(home) / f"{REPO_PREFIX}{repo_id.replace('/', '--')}"


def main_snapshot(repo_id: str, home: Path) -> Path | None:
    """The folder with the files of the newest revision that was fetched; they may not be all."""
    folder = repo_folder(repo_id, home)
    try:
        commit = (folder / "refs" / "main").read_text(encoding="ascii").strip()
        snapshot = folder / "snapshots" / commit
        return snapshot if COMMIT.fullmatch(commit) and snapshot.is_dir() else None
    except (OSError, UnicodeDecodeError):
        return None


def model_state(repo_id: str, home: Path) -> ModelState:
    """Whether a server finds all of the model here: configuration and one whole set of weights.

    What a broken download left behind counts for nothing where such a set is there beside it.
    Raises HubError for what is no id of a model, and for a cache that cannot be read.
    """
    folder = repo_folder(repo_id, home)
    try:
        if not folder.is_dir():
            return ModelState(repo_id, Presence.ABSENT)
        size = _size(folder)
        snapshot = main_snapshot(repo_id, home)
        missing = _missing(snapshot) if snapshot else "its newest revision is"
    except OSError as error:
        raise _unreadable(error) from error
    if not missing:
        return ModelState(repo_id, Presence.WHOLE, size)
    if not size:
        return ModelState(repo_id, Presence.ABSENT)
    return ModelState(repo_id, Presence.PARTLY, size, missing)


def cached_models(home: Path) -> list[CachedModel]:
    """The models in the cache, the largest first. Raises HubError for one that cannot be read."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    cache = hub_cache(home)
    try:
        scanned = {repo.repo_path.name: repo for repo in scan_cache_dir(cache).repos}
        folders = [f for f in cache.iterdir() if f.name.startswith(REPO_PREFIX) and f.is_dir()]
        found = []
        for folder in folders:
            repo = scanned.get(folder.name)
            by_name = folder.name.removeprefix(REPO_PREFIX).replace("--", "/")
            found.append(
                CachedModel(
                    repo_id=repo.repo_id if repo else by_name,
                    size_bytes=_size(folder),
                    last_used_at=datetime.fromtimestamp(repo.last_accessed, UTC) if repo else None,
                    revisions=len(repo.revisions) if repo else 0,
                    broken=repo is None,
                )
            )
    except CacheNotFound:
        return []
    except (OSError, ValueError) as error:  # ValueError: a file stands where the cache should
        raise _unreadable(error) from error
    return sorted(found, key=lambda model: (-model.size_bytes, model.repo_id))


def remove_cached_model(repo_id: str, home: Path) -> int:
    """Remove all of a model; returns the bytes that this freed. Raises HubError.

    Whether something uses it is the caller's to know.
    """
    from huggingface_hub import scan_cache_dir

    folder = repo_folder(repo_id, home)
    if not folder.is_dir():
        raise HubError(HubErrorKind.NOT_FOUND, f"{repo_id} is not in the cache.")
    size = _size(folder)
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            info = scan_cache_dir(hub_cache(home))
            for repo in info.repos:
                if repo.repo_path.name == folder.name:
                    # Of this one alone: a copy of a model on the hub has the same revisions.
                    own = replace(info, repos=frozenset({repo}))
                    own.delete_revisions(*(r.commit_hash for r in repo.revisions)).execute()
        # What its library does not take for a model: one that is broken, or barely begun.
        if folder.exists():
            shutil.rmtree(folder)
    except (OSError, ValueError) as error:
        raise HubError(
            HubErrorKind.OTHER,
            f"{repo_id} could not be removed from the cache: {error}. Containers write there as"
            f" root: remove {folder} with the rights of its owner.",
        ) from error
    shutil.rmtree(hub_cache(home) / ".locks" / folder.name, ignore_errors=True)
    return size


def disk_usage(*folders: Path) -> int:
    """Bytes of the files in them, each once; links count for what they lead to."""
    sizes: dict[tuple[int, int], int] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                try:
                    facts = Path(place, name).stat()
                except OSError:  # a link to nothing, or gone meanwhile
                    continue
                sizes[facts.st_dev, facts.st_ino] = facts.st_size
    return sum(sizes.values())


def _size(repo: Path) -> int:
    """Of a model's files, without what the hub's library notes about them."""
    return disk_usage(repo / "blobs", repo / "snapshots")


def _missing(snapshot: Path) -> str:
    """What a snapshot lacks to be served, as a clause; "" for nothing."""
    names = {path.name for path in snapshot.iterdir() if path.is_file()}  # no link to nothing
    weights = {n for n in names if WEIGHTS.fullmatch(n) and not NO_WEIGHTS.fullmatch(n)}
    if not weights:
        return "the weights are"
    lacks = list(_lacking(snapshot, names, weights))
    if all(lacks):
        nearest = min(lacks, key=len)
        return f"{len(nearest)} of the weights' files {'is' if len(nearest) == 1 else 'are'}"
    has_gguf = any(name.lower().endswith(".gguf") for name in weights)
    if not has_gguf and not names & CONFIGURATIONS:
        return "config.json is"
    return ""


def _lacking(snapshot: Path, names: set[str], weights: set[str]) -> Iterator[set[str]]:
    """For each set of weights that has begun, the files that it lacks."""
    for index in INDEXES:
        if index in names:
            try:
                files = set(json.loads((snapshot / index).read_bytes())["weight_map"].values())
            except (ValueError, TypeError, KeyError, AttributeError):
                files = {index}
                names = names - {index}
            yield files - names
    for name in weights:
        part = PART.fullmatch(name)
        if part:
            count = int(part["count"])
            files = {
                f"{part['stem']}-{n:05}-of-{count:05}{part['suffix']}" for n in range(1, count + 1)
            }
            yield files - names
        else:
            yield set()


def _unreadable(error: Exception) -> HubError:
    return HubError(
        HubErrorKind.OTHER,
        f"The hub's cache cannot be read: {error}. Give this user the right to read it, or set"
        " HF_HOME to another folder.",
    )
