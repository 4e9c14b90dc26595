"""What a browser sends to an import: uploaded files, a pasted text, a preview's documents."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from tasks_app.documents import MAX_BYTES, MAX_CHARACTERS, DocumentError, decode_text
from tasks_app.incoming import MAX_DOCUMENTS, Incoming, database_documents, split_documents
from tasks_app.legacy_database import MAGIC, LegacyDatabaseError

SECRET_FIELD = "secret"  # noqa: S105  the start of a field's name


class CannotImport(Exception):
    """What was sent holds no documents; the message says why."""


def first_documents(pasted: str, files: Iterable[UploadedFile]) -> list[Incoming]:
    """Of what was pasted and uploaded. Raises CannotImport."""
    documents = [Incoming(text, "pasted") for text in split_documents(_tidy(pasted))]
    for file in files:
        documents += [Incoming(text, file.name or "a file") for text in _documents_of(file)]
    if not documents:
        raise CannotImport("Choose a file, or paste a task file into the box.")
    if len(documents) > MAX_DOCUMENTS:
        raise CannotImport(
            f"That is {len(documents)} tasks; at most {MAX_DOCUMENTS} can be imported at once."
        )
    return documents


def sent_documents(data: QueryDict) -> list[Incoming]:
    """Those of a preview, with what was changed there."""
    texts, sources = data.getlist("text"), data.getlist("source")
    return [
        Incoming(
            text=_tidy(text),
            source=source,
            name=_asked_name(data, index),
            secrets=_secrets(data, index),
            is_chosen=str(index) in data.getlist("chosen"),
        )
        for index, (text, source) in enumerate(
            zip(texts[:MAX_DOCUMENTS], sources[:MAX_DOCUMENTS], strict=False)
        )
    ]


def _asked_name(data: QueryDict, index: int) -> str:
    """A name is asked for when it is not the one that the page offered by itself."""
    name = data.get(f"name-{index}", "").strip()
    return "" if name == data.get(f"default-name-{index}", "") else name


def _secrets(data: QueryDict, index: int) -> dict[str, str]:
    prefix = f"{SECRET_FIELD}-{index}-"
    return {key.removeprefix(prefix): data.get(key, "") for key in data if key.startswith(prefix)}


def _documents_of(file: UploadedFile) -> Iterator[str]:
    start = file.read(len(MAGIC))
    if start == MAGIC:
        yield from _of_database(file)
        return
    try:
        text = decode_text(start + file.read(MAX_BYTES + 1 - len(start)))
    except DocumentError as error:
        raise CannotImport(f"{file.name}: {error.message}.") from error
    if len(text) > MAX_CHARACTERS:
        raise CannotImport(f"{file.name} is larger than {MAX_CHARACTERS:,} characters.")
    documents = split_documents(_tidy(text))
    if not documents:
        raise CannotImport(f"{file.name} is empty.")
    yield from documents


def _of_database(file: UploadedFile) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="autotuner-import-") as folder:
        path = Path(folder) / "uploaded.db"
        with path.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        try:
            documents = database_documents(path)
        except LegacyDatabaseError as error:
            raise CannotImport(f"{file.name} {error}.") from error
    if not documents:
        raise CannotImport(f"{file.name} is a database without any task.")
    return documents


def _tidy(text: str) -> str:
    """Line ends as a file has them, not as a form sends them."""
    return text.replace("\r\n", "\n")
