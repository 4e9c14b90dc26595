"""From a spec and a configuration to what is started: the command line and the model behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from experiments_app.allow_lists import NotAllowed
from experiments_app.containers.description import GIBIBYTE, ContainerDescription, Mount
from experiments_app.engines.model_source import (
    ModelNotFound,
    ModelSource,
    container_model,
    resolve_model,
)
from experiments_app.gpu_demand import gpus_of
from experiments_app.hub import hf_home
from experiments_app.llamacpp.tokenizer import TokenizerError
from experiments_app.network import CA_VARIABLES, ca_bundle, network_environment
from experiments_app.pricing import energy_problems, price_problems
from experiments_app.site_allow_lists import model_roots, require_allowed
from experiments_app.site_volumes import site_volume_problems, volume_mounts
from tasks_app.expressions import ExpressionError
from tasks_app.masking import hidden_names, unreadable_secrets
from tasks_app.problems import Problem
from tasks_app.runtimes import Runtime, RuntimeFileError, load_runtime
from tasks_app.space import Scalar
from tasks_app.spec import TaskSpec
from tasks_app.volumes import VolumeRefused

HOST = "127.0.0.1"
CA_TARGET = "/etc/ssl/autotuner-ca.pem"
# What engines on GPUs are started with: pinned memory for transfers, deep stacks of their kernels'
# compilers; and shared memory for their workers, where it is not the host's own.
GPU_ULIMITS = {"memlock": -1, "stack": 64 * 1024**2}
GPU_SHM_BYTES = 16 * GIBIBYTE


SECRETS_LOST = "cannot be read: the key that it was encrypted with is gone"
PUT_IN_AGAIN = "put the value in again, or bring back the key"


class SecretsUnreadable(Exception):
    """What the server needs is encrypted with a key that this site does not have."""

    def __init__(self, places: list[str]) -> None:
        self.places = places
        super().__init__(f"{', '.join(places)} {SECRETS_LOST}; {PUT_IN_AGAIN}")


@dataclass(frozen=True)
class LaunchPlan:
    """How to start one configuration. `tokenizer` is a folder, or a hub id.

    `command`: what is started here; for a container, the shell command that starts the same.
    """

    runtime: Runtime
    command: list[str]
    environment: dict[str, str]
    port: int
    devices: int
    served_model_name: str
    tokenizer: str
    health_path: str
    gpu_ids: tuple[str, ...] = ()
    container: ContainerDescription | None = None

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def rated_devices(self) -> int:
        """What rates are divided by: a CPU counts as one device."""
        return max(self.devices, 1)


def find_model(spec: TaskSpec) -> ModelSource:
    """Raises ModelNotFound and RuntimeFileError."""
    return resolve_model(
        spec.model.id_or_path,
        home=settings.AUTOTUNER_HOME,
        models_dir=settings.DOCKER_MODEL_PATH,
        gguf_only=load_runtime(spec.base_runtime).model_format == "gguf",
        roots=model_roots(),
    )


def require_secrets(spec: TaskSpec) -> None:
    """Raises SecretsUnreadable where one of the task's cannot be decrypted."""
    if lost := unreadable_secrets(spec):
        raise SecretsUnreadable(lost)


def launch_problems(spec: TaskSpec) -> list[Problem]:
    """What keeps this site from starting the task's server at all; found without starting it."""
    try:
        require_secrets(spec)
        model = find_model(spec)
        plan = plan_launch(spec, spec.baseline_parameters(), model, settings.PORT_RANGE[0])
    except (RuntimeFileError, ExpressionError) as error:
        return [Problem("base_runtime", str(error))]
    except ModelNotFound as error:
        return [Problem("model.id_or_path", str(error))]
    except TokenizerError as error:
        return [Problem("benchmark.model_tokenizer", str(error))]
    except NotAllowed as error:
        return [error.problem]
    except VolumeRefused:
        return site_volume_problems(spec)
    except SecretsUnreadable as error:
        return [Problem(place, SECRETS_LOST, PUT_IN_AGAIN) for place in error.places]
    return [*price_problems(spec), *energy_problems(spec, plan.devices)]


def plan_launch(
    spec: TaskSpec,
    parameters: Mapping[str, Scalar],
    model: ModelSource,
    port: int,
    gpu_ids: tuple[str, ...] = (),
    *,
    recorded: Runtime | None = None,
) -> LaunchPlan:
    """`gpu_ids`: the UUIDs of the GPUs that were leased for it. `recorded`: the runtime as it was,
    where that is to be started and not what today's file says.

    Raises RuntimeFileError, ExpressionError (of the runtime's `devices`), ModelNotFound (where a
    container cannot have it), TokenizerError, VolumeRefused, NotAllowed.
    """
    today = load_runtime(spec.base_runtime)
    runtime = recorded or today
    require_allowed(spec, today, image_of(spec, runtime))
    devices = gpus_of(spec, parameters, runtime)
    environment = {
        **network_environment(spec.access),
        **runtime.environment,
        **spec.environment,
    }
    container = None
    if spec.deployment_mode == "docker":
        container = describe_container(
            spec,
            parameters,
            runtime=runtime,
            model=model,
            port=port,
            devices=devices,
            gpu_ids=gpu_ids,
        )
        command, environment = container.shell_command(), dict(container.environment)
    else:
        if gpu_ids:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(gpu_ids)
        command = runtime.command_line(
            parameters,
            model_path=model.path,
            served_model_name=spec.served_model_name,
            host=HOST,
            port=port,
            devices=devices,
        )
    return LaunchPlan(
        runtime=runtime,
        command=command,
        environment=environment,
        port=port,
        devices=devices,
        served_model_name=spec.served_model_name,
        tokenizer=spec.benchmark.model_tokenizer or model.tokenizer,
        health_path=spec.readiness.health_path or runtime.health_path,
        gpu_ids=gpu_ids,
        container=container,
    )


def image_of(spec: TaskSpec, runtime: Runtime) -> str:
    """`repository:tag` or digest that the task's container is made from; "" without one."""
    from experiments_app.containers.images import resolve_repository

    if spec.runtime_image:
        return spec.runtime_image
    if spec.runtime_image_tag and runtime.image:
        return f"{resolve_repository(runtime.image)}:{spec.runtime_image_tag}"
    return runtime.image or ""


def describe_container(
    spec: TaskSpec,
    parameters: Mapping[str, Scalar],
    *,
    runtime: Runtime,
    model: ModelSource,
    port: int,
    devices: int,
    gpu_ids: tuple[str, ...],
) -> ContainerDescription:
    """Raises ModelNotFound (where a container cannot have it) and VolumeRefused."""
    inside = container_model(model, models_dir=settings.DOCKER_MODEL_PATH, hf_home=hf_home())
    network = network_environment(spec.access)
    trust: tuple[Mount, ...] = ()
    if bundle := ca_bundle():
        network |= dict.fromkeys(CA_VARIABLES, CA_TARGET)
        trust = (Mount(bundle, CA_TARGET),)
    environment = {
        **network,
        **runtime.environment,
        **spec.environment,
        **inside.environment,
    }
    if not devices:  # CUDA's images ask for all of them by themselves
        environment.setdefault("NVIDIA_VISIBLE_DEVICES", "void")
    wish = spec.container
    private_shm = GPU_SHM_BYTES if devices and wish.ipc == "private" else None
    entrypoint, arguments = runtime.container_command_line(
        parameters,
        model_path=inside.path,
        served_model_name=spec.served_model_name,
        host=HOST if wish.network == "host" else "0.0.0.0",  # noqa: S104  published on loopback
        port=port,
        devices=devices,
    )
    return ContainerDescription(
        image=image_of(spec, runtime),
        entrypoint=tuple(entrypoint) if entrypoint else None,
        arguments=tuple(arguments),
        port=port,
        environment=environment,
        secrets=hidden_names(environment),
        mounts=(*inside.mounts, *trust, *volume_mounts(spec)),
        gpu_ids=gpu_ids,
        gpus=devices,
        network=wish.network,
        ipc=wish.ipc,
        shm_size_bytes=_bytes(wish.shm_size_gib) or private_shm,
        memory_bytes=_bytes(wish.memory_gib or settings.DOCKER_MEMORY_GIB or None),
        cpus=wish.cpus,
        ulimits=(GPU_ULIMITS if devices else {}) if wish.ulimits is None else wish.ulimits,
    )


def _bytes(gibibytes: float | None) -> int | None:
    return None if gibibytes is None else round(gibibytes * GIBIBYTE)
