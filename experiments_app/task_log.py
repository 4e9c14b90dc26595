"""The log of a task: one line for everything that happened to it, kept under AUTOTUNER_HOME."""

import logging
import os
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from autotuner_site.log_context import log_fields
from tasks_app.audit import record

logger = logging.getLogger(__name__)


def path_of(task_pk: int) -> Path:
    path: Path = settings.HOME.task_log(task_pk)
    return path


def write(task_pk: int, message: str, *, run: int, number: int | None = None) -> None:
    """Append a line. A log that cannot be written never stops the work: the fault is reported."""
    with log_fields(task=task_pk, run=run, **({} if number is None else {"number": number})):
        logger.info("%s", message)
    where = f"run {run}" if number is None else f"run {run} #{number}"
    stamp = timezone.localtime().strftime("%Y-%m-%d %H:%M:%S")
    lines = message.splitlines() or [""]
    text = f"{stamp} {where:<10} {lines[0]}\n" + "".join(f"    {line}\n" for line in lines[1:])
    path = path_of(task_pk)
    try:
        with path.open("a", encoding="utf-8") as log:
            log.write(text)
            size_bytes = log.tell()
        if (limit_bytes := round(settings.TASK_LOG_MIB * 1024**2)) and size_bytes > limit_bytes:
            _cut(path, limit_bytes)
    except OSError as error:
        logger.warning("log of task %d: %s; not written there: %s", task_pk, error, message)


def _cut(path: Path, limit_bytes: int) -> None:
    """Keep the newest half of what is allowed, and say what went; written anew beside it, so that
    a reader finds the one or the other."""
    content = path.read_bytes()
    kept = content[len(content) - limit_bytes // 2 :]
    kept = kept[kept.find(b"\n") + 1 :]
    cut_bytes = len(content) - len(kept)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(
        f"[… {cut_bytes:,} bytes of older lines were cut: a log of a task is kept within"
        f" {settings.TASK_LOG_MIB:g} MiB …]\n".encode()
        + kept
    )
    draft.replace(path)


def clear(task_pk: int, *, run: int, who: str) -> None:
    """Empty it in place: whoever writes to it goes on at its new end. Raises OSError."""
    path = path_of(task_pk)
    if path.exists():
        os.truncate(path, 0)
    write(task_pk, f"the log was cleared by {who}", run=run)
    record("log.cleared", f"task {task_pk}", run=run)
