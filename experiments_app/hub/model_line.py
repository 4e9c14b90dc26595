"""One line on where a task's model is, for its page: before the start, and without any network."""

from pathlib import Path

from django.conf import settings

from experiments_app import words
from experiments_app.engines.model_source import ModelNotFound, resolve_model, shard_names
from experiments_app.hub.cache import Presence, disk_usage, hf_home, model_state
from experiments_app.hub_error import HubError
from experiments_app.site_allow_lists import model_roots
from experiments_app.site_settings import value_of
from tasks_app.spec import TaskSpec


def cache_line(spec: TaskSpec) -> str:
    """Where the model is, how large, and what the start will have to fetch. Raises nothing."""
    try:
        source = resolve_model(
            spec.model.id_or_path,
            home=settings.AUTOTUNER_HOME,
            models_dir=settings.DOCKER_MODEL_PATH,
            roots=model_roots(),
        )
        path = Path(source.path)
        if not path.is_absolute():
            return _on_hub(source.path)
        if not path.is_file():
            return f"{path}, {words.size(disk_usage(path))}"
        parts = shard_names(path) or [path.name]
        size = sum(path.with_name(name).stat().st_size for name in parts)
        return f"{source.display} ({path.name}), {words.size(size)}"
    except (ModelNotFound, HubError, OSError) as error:
        return str(error)


def _on_hub(repo_id: str) -> str:
    state = model_state(repo_id, hf_home())
    if state.is_whole:
        return state.describe()
    if value_of("HF_HUB_OFFLINE"):
        return f"{state.describe()}, and HF_HUB_OFFLINE forbids to download it"
    rest = "the rest" if state.presence is Presence.PARTLY else "it"
    return f"{state.describe()}: {rest} will be downloaded"
