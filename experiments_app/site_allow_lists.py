"""The allow-lists as this site has them set, held against a task."""

from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from experiments_app.allow_lists import NotAllowed, address_faults, image_fault, place_fault
from experiments_app.site_settings import settings_in_force
from tasks_app.problems import Problem
from tasks_app.runtimes import Runtime
from tasks_app.spec import TaskSpec

_OF_THE_SITE = ("HTTP_PROXY", "HTTPS_PROXY", "HF_ENDPOINT")


def model_roots() -> tuple[Path, ...]:
    """Where the models and tokenizers lie that a task may name; none for anywhere."""
    if not settings.MODEL_PATHS:
        return ()
    own = (settings.DOCKER_MODEL_PATH,) if settings.DOCKER_MODEL_PATH else ()
    return (*settings.MODEL_PATHS, *own)


def require_allowed(spec: TaskSpec, runtime: Runtime, image: str) -> None:
    """Raises NotAllowed. Quick: no network."""
    if spec.deployment_mode == "docker" and (
        fault := image_fault(image, settings.DOCKER_IMAGES, runtime.image)
    ):
        raise NotAllowed(fault)
    tokenizer = Path(spec.benchmark.model_tokenizer or "").expanduser()
    if tokenizer.is_absolute() and (words := place_fault(tokenizer, model_roots())):
        raise NotAllowed(Problem("benchmark.model_tokenizer", words))
    _require_addresses(spec, look_up=False)


def require_addresses(spec: TaskSpec) -> None:
    """With a look at what the names stand for now. Raises NotAllowed."""
    _require_addresses(spec, look_up=True)


def _require_addresses(spec: TaskSpec, *, look_up: bool) -> None:
    for fault in address_faults(spec, _trusted_hosts(spec), look_up=look_up):
        raise NotAllowed(fault)


def _trusted_hosts(spec: TaskSpec) -> set[str]:
    if not (spec.access.http_proxy or spec.access.https_proxy or spec.environment):
        return set()
    in_force = settings_in_force()
    own = {urlsplit(in_force[name].value).hostname for name in _OF_THE_SITE}
    return {*settings.TASK_HOSTS, *filter(None, own)}
