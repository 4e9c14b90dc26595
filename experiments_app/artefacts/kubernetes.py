"""A Deployment and a Service.

What was measured keeps its image, command, environment and limits. What cannot be so in a pod is
said in the file: a server listens on all of the pod's addresses, a folder of the host has to be
on the node, limits of open files are the node's to set.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from experiments_app.artefacts.base import Artefact, comment
from experiments_app.artefacts.subject import Subject
from experiments_app.containers.description import LOOPBACK, ContainerDescription
from experiments_app.yaml_text import documents

ANY_ADDRESS = "0.0.0.0"  # noqa: S104  of a pod: what reaches it is the cluster's to say
PROBE_EVERY_S = 5
SHORTEST_START_S = 600.0
START_MARGIN = 5.0
"""A start may take so many times what it took here: a node fetches weights from afar."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108  that very folder


def kubernetes(subject: Subject) -> Artefact | None:
    container = subject.container
    if container is None:
        return None
    notes = tuple(_notes(subject, container))
    head = comment(f"As it was measured: {subject.title}.", *notes)
    text = documents([_deployment(subject, container), _service(subject, container)])
    return Artefact(
        "kubernetes", "Kubernetes", text, f"{subject.name}-kubernetes.yaml", head, notes
    )


def _deployment(subject: Subject, container: ContainerDescription) -> dict[str, Any]:
    labels = _labels(subject)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": subject.name, "labels": labels},
        "spec": {
            "replicas": 1,
            # The new pod could not have the GPUs that the old one still holds.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(subject, container)},
        },
    }


def _service(subject: Subject, container: ContainerDescription) -> dict[str, Any]:
    labels = _labels(subject)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": subject.name, "labels": labels},
        "spec": {
            "selector": labels,
            "ports": [{"name": "http", "port": container.port, "targetPort": "http"}],
        },
    }


def _labels(subject: Subject) -> dict[str, str]:
    return {"app.kubernetes.io/name": subject.name}


def _pod(subject: Subject, container: ContainerDescription) -> dict[str, Any]:
    mounts, volumes = _volumes(container)
    server: dict[str, Any] = {
        "name": "server",
        "image": _image(subject, container),
        "command": [_unexpanded(word) for word in (container.entrypoint or ())[:1]],
        "args": [_unexpanded(_reachable(word, container)) for word in container.command],
        "env": list(_environment(subject, container)),
        "ports": [{"name": "http", "containerPort": container.port}],
        **_probes(subject),
        "resources": {"limits": _limits(container)},
        "volumeMounts": mounts,
    }
    return {
        # No further variables than it was measured with: a service of the name `vllm` would set
        # VLLM_PORT.
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "containers": [{key: value for key, value in server.items() if not _is_empty(value)}],
        **({"volumes": volumes} if volumes else {}),
    }


def _is_empty(value: object) -> bool:
    return value in ([], {}, {"limits": {}})


def _environment(subject: Subject, container: ContainerDescription) -> Iterator[dict[str, Any]]:
    for name, value in container.environment.items():
        if name in container.secrets:
            key = {"name": secret_of(subject), "key": name}
            yield {"name": name, "valueFrom": {"secretKeyRef": key}}
        else:
            yield {"name": name, "value": _unexpanded(value)}


def secret_of(subject: Subject) -> str:
    """The name of the Secret that its secrets are to be in."""
    return f"{subject.name}-secrets"


def _probes(subject: Subject) -> dict[str, Any]:
    """The server is asked as it was here. While it starts nobody gives it up."""
    get = {"httpGet": {"path": subject.health_path, "port": "http"}}
    started_s = max(SHORTEST_START_S, START_MARGIN * (subject.experiment.start_s or 0.0))
    every = {"periodSeconds": PROBE_EVERY_S}
    return {
        "startupProbe": {
            **get, **every, "failureThreshold": math.ceil(started_s / PROBE_EVERY_S)
        },
        "readinessProbe": {**get, **every, "failureThreshold": 3},
        # A server under full load may be slow to answer: it is restarted only when it is stuck.
        "livenessProbe": {
            **get, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 12
        },
    }  # fmt: skip


def _limits(container: ContainerDescription) -> dict[str, str]:
    found: dict[str, str] = {}
    if gpus := container.gpus or len(container.gpu_ids):
        found["nvidia.com/gpu"] = str(gpus)
    if container.memory_bytes:
        found["memory"] = str(container.memory_bytes)
    if container.cpus:
        found["cpu"] = f"{round(container.cpus * 1000)}m"
    return found


def _volumes(container: ContainerDescription) -> tuple[list[Any], list[Any]]:
    mounts: list[Any] = []
    volumes: list[Any] = []
    if container.shm_size_bytes or container.ipc == "host":
        size = {"sizeLimit": str(container.shm_size_bytes)} if container.shm_size_bytes else {}
        mounts.append({"name": "shared-memory", "mountPath": SHARED_MEMORY})
        volumes.append({"name": "shared-memory", "emptyDir": {"medium": "Memory", **size}})
    for index, mount in enumerate(container.mounts, start=1):
        read_only = {"readOnly": True} if mount.read_only else {}
        name = f"volume-{index}"
        mounts.append({"name": name, "mountPath": mount.target, **read_only})
        volumes.append({"name": name, "hostPath": {"path": str(mount.source)}})
    return mounts, volumes


def _image(subject: Subject, container: ContainerDescription) -> str:
    """An id means nothing to another machine."""
    is_local = container.image.startswith("sha256:")
    return subject.image if is_local and subject.image else container.image


def _reachable(word: str, container: ContainerDescription) -> str:
    """A server in the host's network was told to listen on loopback, where no probe comes."""
    if container.network != "host":
        return word
    if word == LOOPBACK:
        return ANY_ADDRESS
    flag, equals, value = word.partition("=")
    is_told_so = equals and flag.startswith("--") and value == LOOPBACK
    return f"{flag}={ANY_ADDRESS}" if is_told_so else word


def _unexpanded(text: str) -> str:
    """Kubernetes puts variables in for `$(NAME)`; two dollars are one."""
    return text.replace("$", "$$")


def _notes(subject: Subject, container: ContainerDescription) -> Iterator[str]:
    if subject.not_measured_so:
        yield subject.not_measured_so
    if container.image.startswith("sha256:"):
        yield (
            f"No registry has the measured image ({container.image}): push it, and name it here by"
            " its digest there."
        )
    if container.secrets:
        values = _literals(sorted(container.secrets))
        yield f"Make the secret first: kubectl create secret generic {secret_of(subject)} {values}"
    if container.mounts:
        yield (
            "Each hostPath has to be there on the node that runs it; or put a"
            " persistentVolumeClaim in its place."
        )
    if container.network == "host":
        yield "It was measured in the host's network, on loopback; here it listens on the pod's."
    if container.ipc == "host":
        yield "It was measured with the host's shared memory; here it has some of its own."
    if container.ulimits:
        limits = ", ".join(f"{name}={limit}" for name, limit in container.ulimits.items())
        yield f"Measured with these limits, which are the node's to set: {limits}."
    if len(container.gpu_ids) and not container.gpus:
        yield f"Measured on {len(container.gpu_ids)} GPUs."


def _literals(names: Iterable[str]) -> str:
    return " ".join(f'--from-literal={name}="${name}"' for name in names)
