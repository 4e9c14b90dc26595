"""Manifests, checked by Kubernetes' own schemas."""

from dataclasses import replace
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from experiments_app.artefacts.kubernetes import kubernetes
from experiments_app.artefacts.subject import Subject, label_of
from tests.experiments_app.artefacts.hostile import (
    CONTAINER,
    DIGEST,
    ENVIRONMENT,
    subject,
    with_container,
)

VERSIONS = ("1.25", "1.37")


def manifests(measured: Subject) -> tuple[dict[str, Any], dict[str, Any]]:
    made = kubernetes(measured)
    assert made is not None
    deployment, service = yaml.safe_load_all(made.file_text)
    for version in VERSIONS:
        for one in (deployment, service):
            kubernetes_validate.validate(one, version, strict=True)
    return deployment, service


def server(measured: Subject) -> dict[str, Any]:
    (found,) = manifests(measured)[0]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def expanded(text: str, variables: dict[str, str]) -> str:
    """As the kubelet does it (k8s.io/kubernetes/third_party/forked/golang/expansion)."""
    found, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            found, at = found + text[at], at + 1
        elif text[at + 1] == "$":
            found, at = found + "$", at + 2
        elif text[at + 1] == "(" and ")" in text[at:]:
            end = text.index(")", at)
            name = text[at + 2 : end]
            found, at = found + variables.get(name, f"$({name})"), end + 1
        else:
            found, at = found + text[at : at + 2], at + 2
    return found


def test_it_has_the_image_command_and_environment_that_were_measured() -> None:
    found = server(subject())
    variables = {"HOME": "/not/this"}
    assert found["image"] == DIGEST
    assert [expanded(word, variables) for word in found["command"]] == ["python3"]
    here = [expanded(word, variables) for word in found["args"]]
    assert here == [{"127.0.0.1": "0.0.0.0"}.get(word, word) for word in CONTAINER.command]
    plain = {e["name"]: expanded(e["value"], variables) for e in found["env"] if "value" in e}
    assert plain == ENVIRONMENT


def test_a_secret_is_a_reference() -> None:
    (token,) = [e for e in server(subject())["env"] if "value" not in e]
    reference = {"secretKeyRef": {"name": "engine-secrets", "key": "HF_TOKEN"}}
    assert token == {"name": "HF_TOKEN", "valueFrom": reference}


def test_it_has_gpus_memory_shared_memory_and_volumes() -> None:
    deployment, _ = manifests(subject())
    pod = deployment["spec"]["template"]["spec"]
    (found,) = pod["containers"]
    assert found["resources"]["limits"] == {
        "nvidia.com/gpu": "2",
        "memory": str(64 * 2**30),
        "cpu": "7500m",
    }
    assert found["volumeMounts"][0]["mountPath"] == "/dev/shm"
    assert pod["volumes"][0]["emptyDir"] == {"medium": "Memory", "sizeLimit": str(16 * 2**30)}
    paths = [volume["hostPath"]["path"] for volume in pod["volumes"][1:]]
    assert paths == [str(mount.source) for mount in CONTAINER.mounts]
    assert [m.get("readOnly", False) for m in found["volumeMounts"][1:]] == [True, False]


def test_it_is_given_time_to_start() -> None:
    probe = server(subject())["startupProbe"]
    assert probe["httpGet"] == {"path": "/health", "port": "http"}
    assert probe["failureThreshold"] * probe["periodSeconds"] >= 5 * 212.4


def test_the_service_leads_to_the_port_of_the_pod() -> None:
    deployment, service = manifests(subject())
    assert service["spec"]["ports"] == [{"name": "http", "port": 8017, "targetPort": "http"}]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]


def test_without_gpus_and_volumes_nothing_is_asked_for() -> None:
    plain = replace(
        CONTAINER, gpu_ids=(), gpus=0, mounts=(), ipc="private", shm_size_bytes=None,
        memory_bytes=None, cpus=None, entrypoint=None,
    )  # fmt: skip
    found = server(subject(container=plain))
    assert not {"resources", "volumeMounts", "command"} & set(found)


def test_an_image_that_only_this_machine_has_is_named_and_said() -> None:
    measured = with_container(image="sha256:3f9c")
    assert server(measured)["image"] == "ghcr.io/acme/engine:1.0"
    made = kubernetes(measured)
    assert made is not None
    assert "push it" in made.head


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("SmolLM2 135M", "smollm2-135m"),
        ("meta-llama/Llama-3.2-1B", "meta-llama-llama-3-2-1b"),
        ("7b", "server-7b"),
        ("模型", "server"),
        ("x" * 90, "x" * 40),
    ],
)
def test_its_name_is_a_label(text: str, label: str) -> None:
    assert label_of(text) == label
