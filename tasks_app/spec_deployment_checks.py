"""Checks of how a task's server is run that need more than one key, or the installed engines."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from tasks_app.problems import Problem
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.runtimes.schema import Runtime
from tasks_app.spec_deployment import Container

if TYPE_CHECKING:
    from tasks_app.spec import TaskSpec

_LOADER_VARIABLES = re.compile(r"LD_\w+|DYLD_\w+|PYTHON(?:PATH|HOME|STARTUP)|PATH")
# What sends the hub's token elsewhere, to whom it is trusted, or that of another file.
_TOKEN_WAYS = re.compile(
    r"(?:HF|HUGGING_?FACE)\w*_ENDPOINT|MODEL_ENDPOINT|HUGGINGFACE_CO_STAGING|HF_TOKEN_PATH"
    r"|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE"
)
_TOKEN_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
GPU_VARIABLES: Final = frozenset(
    {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"}
    | {"ROCR_VISIBLE_DEVICES"}
)
NO_GPU: Final = frozenset({"", "-1", "none", "void"})
MARKER_VARIABLE: Final = "AUTOTUNER_EXPERIMENT"
CONTAINER_VARIABLES: Final[Mapping[str, str]] = {
    "MODEL_PATH": "the container's place of the model",
    "HF_HOME": "where the site's cache lies in the container",
    "HF_HUB_CACHE": "where the site's cache lies in the container",
    "HUGGINGFACE_HUB_CACHE": "where the site's cache lies in the container",
}
# To the server alone: tokenizer and benchmark on the host would go without.
_ACCESS_KEYS: Final[Mapping[str, str]] = {
    "HTTP_PROXY": "http_proxy",
    "HTTPS_PROXY": "https_proxy",
    "NO_PROXY": "no_proxy",
    "HF_TOKEN": "hub_token",
    "HUGGING_FACE_HUB_TOKEN": "hub_token",
}


def deployment_problems(spec: "TaskSpec", catalogue: RuntimeCatalogue) -> list[Problem]:
    problems: list[Problem] = []
    if spec.base_runtime in catalogue.broken:
        problems.append(Problem("base_runtime", str(catalogue.broken[spec.base_runtime])))
    if spec.runtime_image and spec.runtime_image_tag:
        problems.append(
            Problem("runtime_image", "stands beside runtime_image_tag", "keep one of the two")
        )
    runtime = catalogue.find(spec.base_runtime)
    if spec.deployment_mode == "docker" and runtime is not None:
        problems += _image_problems(spec, runtime)
    problems += _variable_problems(spec)
    return problems


def _image_problems(spec: "TaskSpec", runtime: Runtime) -> Iterator[Problem]:
    if runtime.image is not None or spec.runtime_image:
        return
    if spec.runtime_image_tag:
        yield Problem(
            "runtime_image_tag",
            f"the runtime {runtime.name} has no image that this could be a tag of",
            "write the whole image under runtime_image",
        )
    else:
        yield Problem(
            "deployment_mode",
            f"the runtime {runtime.name} has no container image",
            "write deployment_mode: local, or name an image under runtime_image",
        )


def _variable_problems(spec: "TaskSpec") -> Iterator[Problem]:
    """Variables that are not the task's to set: what the site sets itself, and GPUs are leased."""
    local = spec.deployment_mode == "local"
    for name, value in spec.environment.items():
        path = f"environment.{name}"
        if local and _LOADER_VARIABLES.fullmatch(name):
            yield Problem(
                path,
                "decides which code the engine loads: a task on this machine may not set it",
                "the administrator can set it in the runtime's file",
            )
        elif name == MARKER_VARIABLE:
            yield Problem(path, "is how the site finds its own processes", "leave it out")
        elif name in GPU_VARIABLES and (spec.use_gpus or value not in NO_GPU):
            yield Problem(
                path,
                "is set by the site: each experiment gets GPUs that it alone has",
                "how many is decided by the runtime's flags; use_gpus: false is none",
            )
        elif _TOKEN_WAYS.fullmatch(name) and not _has_own_token(spec):
            yield Problem(
                path,
                "decides where the hub's token goes: not with the token of this site",
                "write the token to be used as access.hub_token"
                + ("" if local else ', or "" there for none'),
            )
        elif not local and name in CONTAINER_VARIABLES:
            yield Problem(path, f"is set by the site: {CONTAINER_VARIABLES[name]}", "leave it out")


def _has_own_token(spec: "TaskSpec") -> bool:
    """Whether none of the site's can be sent. A server on this machine that has none in its
    variables reads the one that lies in the site's cache."""
    if spec.deployment_mode == "docker":
        return spec.access.hub_token is not None
    over = (spec.environment[name] for name in _TOKEN_VARIABLES if name in spec.environment)
    return all((spec.access.hub_token, *over))


def advice(spec: "TaskSpec") -> list[Problem]:
    """Warnings about what has no effect, or another than was probably meant."""
    notes: list[Problem] = []
    container = spec.container
    if spec.deployment_mode == "local":
        keys = [key for key in ("runtime_image_tag", "runtime_image") if getattr(spec, key)]
        keys += [f"container.{key}" for key in _set_in(container)]
        notes += [Problem(key, "has no effect with deployment_mode: local") for key in keys]
    elif container.shm_size_gib is not None and container.ipc == "host":
        notes.append(
            Problem(
                "container.shm_size_gib",
                "has no effect with ipc: host, which has the shared memory of the host",
                "write ipc: private, or leave it out",
            )
        )
    readiness = spec.readiness
    if readiness.interval_s and readiness.timeout_s and readiness.interval_s > readiness.timeout_s:
        notes.append(
            Problem(
                "readiness.interval_s",
                f"is longer than timeout_s: the server is asked once in {readiness.timeout_s:g} s",
            )
        )
    limit_s = spec.optimization.timeout_per_iteration
    if readiness.timeout_s and readiness.timeout_s > limit_s:
        notes.append(
            Problem(
                "readiness.timeout_s",
                f"has no effect: the whole experiment has {limit_s} s",
                "raise optimization.timeout_per_iteration",
            )
        )
    return [*notes, *_access_advice(spec)]


def _set_in(container: Container) -> list[str]:
    standard = Container()
    return [key for key, value in container if value != getattr(standard, key)]


def _access_advice(spec: "TaskSpec") -> Iterator[Problem]:
    for name in spec.environment:
        if key := _ACCESS_KEYS.get(name.upper()):
            yield Problem(
                f"environment.{name}",
                "reaches the server alone, not the benchmark and its tokenizer",
                f"write it as access.{key}",
            )
