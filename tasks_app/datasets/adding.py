"""New data sets: a row that waits to be taken, and for a file the file beside it."""

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction

from autotuner_site.outbound_check import Refused, parsed
from tasks_app.datasets.archives import SUFFIXES
from tasks_app.datasets.errors import DatasetError
from tasks_app.models import Dataset
from tasks_app.spec_sections import check_line

LONGEST_NAME = 100
_PACKED = (".gz", ".zip", ".tar", ".tgz")


def add_address(url: str, name: str = "", *, user: User | None = None, **fields: Any) -> Dataset:
    """Raises DatasetError. The address is looked up when it is fetched."""
    try:
        address = parsed(url)
    except Refused as error:
        raise DatasetError(str(error)) from error
    name = name or name_of(address.path)
    return _create(name, user, source=str(address), is_remote=True, **fields)


def add_parts(
    parts: Iterable[bytes],
    file_name: str,
    name: str = "",
    *,
    user: User | None = None,
    **fields: Any,
) -> Dataset:
    """A file that comes in parts. Raises DatasetError, OSError."""
    file_name = Path(file_name).name[:200] or "a file"
    draft = Path(settings.HOME.datasets) / "incoming" / f"upload-{uuid.uuid4().hex}"
    draft.mkdir(parents=True)
    try:
        size = _write(parts, draft / "raw")
        with transaction.atomic():  # nobody sees the row before its file is there
            dataset = _create(
                name or name_of(file_name), user, source=file_name, taken_bytes=size, **fields
            )
            draft.rename(dataset.incoming)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return dataset


def _write(parts: Iterable[bytes], path: Path) -> int:
    most, size = int(settings.DATASET_MIB) * 1024**2, 0
    with path.open("wb") as file:
        for part in parts:
            size += len(part)
            if size > most:
                raise DatasetError(
                    f"The file is larger than the {settings.DATASET_MIB} MiB that a data set may"
                    " have. An administrator can raise DATASET_MIB."
                )
            file.write(part)
    if not size:
        raise DatasetError("The file is empty.")
    return size


def add_file(path: Path, name: str = "", **fields: Any) -> Dataset:
    """A file of this machine. Raises DatasetError, OSError."""
    with path.open("rb") as file:
        return add_parts(iter(lambda: file.read(1024**2), b""), path.name, name, **fields)


def name_of(path: str) -> str:
    """`/x/prompts.jsonl.gz` is called `prompts`."""
    name = path.rstrip("/").rpartition("/")[2]
    for _ in range(2):
        for suffix in (*SUFFIXES, *_PACKED):
            if name.lower().endswith(suffix):
                name = name[: -len(suffix)]
    return " ".join(name.split())[:LONGEST_NAME].strip() or "data set"


def check_name(name: str) -> str:
    """Raises DatasetError."""
    try:
        MaxLengthValidator(LONGEST_NAME)(name)
        return check_line(name)
    except ValidationError as error:
        raise DatasetError(f"A name has at most {LONGEST_NAME} characters.") from error
    except ValueError as error:  # the schema's own, which says why
        raise DatasetError(f"The name {error}.") from error


def _create(name: str, user: User | None, **fields: Any) -> Dataset:
    name = check_name(name)
    try:
        with transaction.atomic():
            return Dataset.objects.create(name=name, created_by=user, **fields)
    except IntegrityError as error:
        raise DatasetError(
            f"There is a data set {name!r} already: give it another name."
        ) from error
