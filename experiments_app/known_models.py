"""Models that a form can suggest, and whether the one that is typed is there."""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from experiments_app import hub, words
from experiments_app.engines.model_source import ALIASES, HUB_ID, ModelNotFound, resolve_model
from experiments_app.hub.cache import REPO_PREFIX
from experiments_app.network import network_environment
from experiments_app.site_allow_lists import model_roots
from tasks_app.models import Task

MOST = 200
LIMIT_S = 8.0
REMEMBERED_S = 600.0
REFUSALS = {
    hub.HubErrorKind.NOT_FOUND,
    hub.HubErrorKind.GATED,
    hub.HubErrorKind.UNAUTHORIZED,
}


@dataclass(frozen=True)
class ModelNote:
    """`is_warning`: it may well be wrong; it is never a reason to refuse."""

    text: str
    is_warning: bool = False


def known_models() -> list[str]:
    """Those of past tasks, the latest first, then what is on this machine."""
    past = Task.objects.order_by("-pk").values_list("model__id_or_path", flat=True)[:MOST]
    found = [*map(str, past), *ALIASES, *_cached(), *_in_models_folder()]
    return list(dict.fromkeys(found))[:MOST]


def _cached() -> list[str]:
    """By the names of their folders alone: no look at the files."""
    try:
        names = sorted(f.name for f in hub.hub_cache(hub.hf_home()).iterdir())
    except OSError:
        return []
    models = (name.removeprefix(REPO_PREFIX) for name in names if name.startswith(REPO_PREFIX))
    return [name.replace("--", "/") for name in models][:MOST]


def _in_models_folder() -> list[str]:
    folder = settings.DOCKER_MODEL_PATH
    if not folder:
        return []
    try:
        entries = sorted(Path(folder).iterdir())[:MOST]
        return [e.name for e in entries if e.is_dir() or e.suffix.lower() == ".gguf"]
    except OSError:
        return []


def model_note(name: str) -> ModelNote | None:
    """Where the model is; None where nothing can be told. Asks the hub where it must."""
    name = name.strip()
    if not name:
        return None
    try:
        source = resolve_model(
            name,
            home=settings.AUTOTUNER_HOME,
            models_dir=settings.DOCKER_MODEL_PATH,
            roots=model_roots(),
        )
    except ModelNotFound as error:
        return ModelNote(str(error), is_warning=True)
    if not HUB_ID.fullmatch(source.path):
        return ModelNote(f"Found on this machine: {source.display}.")
    try:
        state = hub.model_state(source.path, hub.hf_home())
    except hub.HubError as error:
        return ModelNote(error.message, is_warning=True)
    if state.is_whole:
        return ModelNote(f"In the cache of this machine ({words.size(state.size_bytes)}).")
    return _asked(source.path, int(time.monotonic() // REMEMBERED_S))


@lru_cache(maxsize=256)
def _asked(name: str, _age: int) -> ModelNote:
    try:
        hub.find_model(name, network_environment(), limit_s=LIMIT_S)
    except hub.HubError as error:
        # The hub's client says what it was after before: its tokenizer.
        message = error.message.removeprefix(f"The tokenizer of {name}: ")
        if error.kind in REFUSALS:
            return ModelNote(message, is_warning=True)
        return ModelNote(f"Not looked up on the hub: {message.partition('. ')[0].rstrip('.')}.")
    return ModelNote("On the hub; it will be downloaded at the start.")
