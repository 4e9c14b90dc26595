"""Files that a command writes for others to read: whole, or as they were."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from autotuner_site.commands import BadInput

MODE = 0o666
"""As any new file: what the umask leaves of it."""


def check_target(option: str, path: Path) -> Path:
    """A path that can be written later, before hours are spent. Raises BadInput."""
    folder = path.resolve().parent
    if path.is_dir():
        raise BadInput(f"{option} {path}: is a folder; name a file in it")
    if not folder.is_dir():
        raise BadInput(f"{option} {path}: there is no folder {folder}; make it first")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise BadInput(f"{option} {path}: this user may not write there")
    return path


def write_whole(path: Path, text: str) -> None:
    """Replace the file at once, so that nobody reads half of it. What is no plain file, a pipe or
    a terminal, is written to. Raises OSError."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}-")
    draft = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123  it is open already
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(target.stat().st_mode & 0o777 if target.exists() else MODE & ~mask)
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
