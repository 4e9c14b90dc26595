"""What a start will need, and whether it is here: for the page of a task that was not started."""

from docker.errors import DockerException
from requests import RequestException

from experiments_app import words
from experiments_app.containers.client import DockerUnreachable, connect
from experiments_app.gpu_demand import gpu_warnings
from experiments_app.gpus import gpu_count
from experiments_app.hub import cache_line
from experiments_app.launch_plan import image_of
from experiments_app.plan import plan_facts
from experiments_app.planned import planned
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec

DOCKER_WAIT_S = 2.0


def before_start(spec: TaskSpec) -> list[tuple[str, str]]:
    """Name and words of each; quick, and without any network but the Docker engine's socket."""
    facts = [*plan_facts(spec, planned(spec)), ("Model", cache_line(spec))]
    gpus = gpu_count()
    if warnings := gpu_warnings(spec, gpus):
        facts.append(("GPUs", "; ".join(warning.message for warning in warnings)))
    elif gpus and spec.use_gpus:
        facts.append(("GPUs", f"{gpus} on this host"))
    if spec.deployment_mode == "docker":
        runtime = site_runtimes().find(spec.base_runtime)
        image = spec.runtime_image or (image_of(spec, runtime) if runtime else "")
        facts.append(("Image", _image_line(image)))
    else:
        facts.append(("Server", "a process of this machine"))
    return facts


def _image_line(image: str) -> str:
    try:
        with connect(DOCKER_WAIT_S) as client:
            found = client.images.list(name=image)
            if not found:
                return f"{image} is not on this host: it will be pulled"
            return f"{image} is on this host ({words.size(found[0].attrs['Size'])})"
    except DockerUnreachable as error:
        return f"{image}; {error}"
    except (DockerException, RequestException, OSError, KeyError) as error:
        return f"{image}; the Docker engine does not say whether it is here ({error})"
