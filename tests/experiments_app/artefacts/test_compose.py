"""Compose files, checked and read by Compose itself."""

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from experiments_app.artefacts.compose import compose
from tests.experiments_app.artefacts.hostile import CONTAINER, ENVIRONMENT, SECRET, subject


def read(folder: Path) -> dict[str, Any]:
    """The service as Compose has read it."""
    made = compose(subject())
    assert made is not None
    path = folder / made.file_name
    path.write_text(made.file_text)
    environment = {**os.environ, "HF_TOKEN": SECRET, "HOME": str(folder)}
    told = subprocess.run(
        ["docker-compose", "--file", str(path), "config"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    # It doubles the dollars again in what it prints.
    document = yaml.safe_load(told.stdout.replace("$$", "$"))
    return dict(document["services"]["engine"])


def test_compose_reads_what_was_measured(tmp_path: Path) -> None:
    service = read(tmp_path)
    assert service["image"] == CONTAINER.image
    assert service["entrypoint"] == ["python3"]
    assert service["command"] == list(CONTAINER.command)
    assert service["environment"] == {**ENVIRONMENT, "HF_TOKEN": SECRET}
    assert [volume["source"] for volume in service["volumes"]] == [
        str(mount.source) for mount in CONTAINER.mounts
    ]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["device_ids"] == list(CONTAINER.gpu_ids)
    assert service["ulimits"]["memlock"] == {"soft": -1, "hard": -1}
