"""The log of a task: one line for everything that happened to it, kept under AUTOTUNER_HOME."""

import logging
import os
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from tasks_app.audit import record

logger = logging.getLogger(__name__)


def path_of(task_pk: int) -> Path:
    path: Path = settings.HOME.task_log(task_pk)
    return path


def write(task_pk: int, message: str, *, run: int, number: int | None = None) -> None:
    """Append a line. A log that cannot be written never stops the work: the fault is reported."""
    where = f"run {run}" if number is None else f"run {run} #{number}"
    stamp = timezone.localtime().strftime("%Y-%m-%d %H:%M:%S")
    lines = message.splitlines() or [""]
    text = f"{stamp} {where:<10} {lines[0]}\n" + "".join(f"    {line}\n" for line in lines[1:])
    try:
        with path_of(task_pk).open("a", encoding="utf-8") as log:
            log.write(text)
    except OSError as error:
        logger.warning("log of task %d: %s; not written there: %s", task_pk, error, message)


def clear(task_pk: int, *, run: int, who: str) -> None:
    """Empty it in place: whoever writes to it goes on at its new end. Raises OSError."""
    path = path_of(task_pk)
    if path.exists():
        os.truncate(path, 0)
    write(task_pk, f"the log was cleared by {who}", run=run)
    record("log.cleared", f"task {task_pk}", run=run)
