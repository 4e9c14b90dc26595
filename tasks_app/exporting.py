"""Tasks as files to keep and to hand on: without their secrets, which the file then says."""

import json
from collections.abc import Iterable

from django.utils.text import slugify

from tasks_app.masking import masked_document, secrets_in_clear
from tasks_app.models import Task
from tasks_app.taskfile import dump_for_people, without_defaults


def yaml_file(tasks: Iterable[Task]) -> str:
    """One document a task; several are kept apart by `---`, as the import reads them."""
    return "---\n".join(_yaml_document(task) for task in tasks)


def json_file(task: Task) -> str:
    document = without_defaults(masked_document(task.spec_data()))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def file_name(task: Task, ending: str) -> str:
    """A name that any system takes: `llama-3-2-1b.yaml`."""
    return f"{slugify(task.name) or f'task-{task.pk}'}{ending}"


def _yaml_document(task: Task) -> str:
    document = task.spec_data()
    masked = secrets_in_clear(document)
    note = ""
    if masked:
        note = (
            f"# Masked here, and to be put in again at the import: {', '.join(masked)}.\n"
            if all(name.isprintable() for name in masked)
            else "# Secrets are masked here, and to be put in again at the import.\n"
        )
    return note + dump_for_people(document)
