"""What lies on the disk for experiments, images and cached models, and who needs it."""

from dataclasses import dataclass
from datetime import datetime

import docker
from django.db.models import F, Max

from experiments_app.containers import images
from experiments_app.containers.images import ListedImage
from experiments_app.hub import CachedModel, cached_models, hf_home, remove_cached_model
from experiments_app.launch_plan import image_of
from experiments_app.models import Experiment
from experiments_app.system import removals
from experiments_app.system.docker_state import engine
from tasks_app.models import Task
from tasks_app.runtimes import RuntimeFileError, load_runtime


class InUse(Exception):
    """It is needed and stays; the message says by whom."""


@dataclass(frozen=True)
class StoredImage:
    """`used_by`: why it cannot be removed, or "". `last_used_at`: by an experiment of this site."""

    image: ListedImage
    last_used_at: datetime | None
    used_by: str

    @property
    def name(self) -> str:
        return self.image.names[0] if self.image.names else "untagged"

    @property
    def key(self) -> str:
        return f"image {self.image.id}"

    @property
    def is_going(self) -> bool:
        return removals.is_under_way(self.key)


@dataclass(frozen=True)
class StoredModel:
    model: CachedModel
    used_by: str

    @property
    def key(self) -> str:
        return f"model {self.model.repo_id}"

    @property
    def is_going(self) -> bool:
        return removals.is_under_way(self.key)


def stored_images(client: docker.DockerClient) -> list[StoredImage]:
    """Every image on this host, the largest first."""
    uses = Experiment.objects.exclude(image_digest="").values_list("image_digest")
    last_uses = dict(uses.annotate(at=Max("started_at")))
    needed = _images_of_running_tasks()
    found = []
    for image in images.list_images(client):
        times = [at for known in (image.id, *image.digests) if (at := last_uses.get(known))]
        found.append(StoredImage(image, max(times, default=None), _image_use(image, needed)))
    return found


def _image_use(image: ListedImage, needed: dict[str, str]) -> str:
    if image.containers:
        return f"{image.containers} container{'s' * (image.containers > 1)}"
    for name in (*image.names, *image.digests, image.id):
        if name in needed:
            return f"the running task {needed[name]}"
    return ""


def _images_of_running_tasks() -> dict[str, str]:
    """Image name, digest or id -> task: between two experiments, a running task's image has no
    container. The one that its run began with is needed whatever the name means by now."""
    running = Task.objects.under_way()
    began_with = Experiment.objects.filter(task__in=running, run=F("task__run"))
    pinned = began_with.exclude(image_digest="").values_list("image_digest", "task__name")
    needed = dict(pinned.order_by().distinct())
    for task in running.filter(deployment_mode="docker"):
        try:
            name = image_of(task.spec, load_runtime(task.base_runtime))
        except RuntimeFileError:
            continue
        if name and "@" not in name and ":" not in name.rpartition("/")[2]:
            name += ":latest"
        needed[name] = task.name
    return needed


def remove_stored_image(stored: StoredImage) -> bool:
    """Whether it is gone; else its removal goes on. Raises InUse, EngineError, DockerUnreachable
    and what the engine refuses as APIError."""
    if stored.used_by:
        raise InUse(f"{stored.name} is in use by {stored.used_by}.")

    def remove() -> None:
        with engine(removals.LIMIT_S) as client:
            images.remove_image(client, stored.image.id)

    return removals.remove(stored.key, remove)


def stored_models() -> list[StoredModel]:
    """What the hub's cache holds, the largest first. Raises HubError."""
    needed = _models_of_running_tasks()
    return [StoredModel(m, _model_use(m, needed)) for m in cached_models(hf_home())]


def _model_use(model: CachedModel, needed: dict[str, str]) -> str:
    task = needed.get(model.repo_id)
    return f"the running task {task}" if task else ""


def _models_of_running_tasks() -> dict[str, str]:
    """Hub id of model or tokenizer -> task."""
    needed = {}
    for task in Task.objects.under_way():
        spec = task.spec
        for name in (spec.model.id_or_path, spec.benchmark.model_tokenizer):
            if name:
                needed[name] = task.name
    return needed


def remove_stored_model(stored: StoredModel) -> bool:
    """Whether it is gone; else its removal goes on. Raises InUse and HubError."""
    if stored.used_by:
        raise InUse(f"{stored.model.repo_id} is in use by {stored.used_by}.")

    def remove() -> None:
        remove_cached_model(stored.model.repo_id, hf_home())

    return removals.remove(stored.key, remove)
