"""Secrets at rest: encrypted with a key that is not in the database.

The keys are lines of a file beside the database, or the setting SECRETS_KEYS: the first one
encrypts, each of them decrypts, so that a key can be exchanged without a moment in which something
cannot be read.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

KEY_NAME = "settings_key"
KEY_LENGTH = 50
PREFIX = "sealed:"


class KeyLost(Exception):
    """It was encrypted with a key that this site does not have."""

    def __init__(self) -> None:
        super().__init__("cannot be read: the key that it was encrypted with is gone")


def encrypt(text: str) -> str:
    return _fernet(_keys()).encrypt(text.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """Raises KeyLost."""
    try:
        return _fernet(_keys()).decrypt(token.encode()).decode()
    except (InvalidToken, UnicodeDecodeError) as error:
        raise KeyLost from error


def is_sealed(value: object) -> bool:
    """A value that stands as it is stored: outside the database only what cannot be read does."""
    return isinstance(value, str) and value.startswith(PREFIX)


def sealed_values(section: Any) -> Any:
    """The section of a document with every text in it encrypted."""
    if not isinstance(section, Mapping):
        return section
    return {name: _sealed(value) for name, value in section.items()}


def unsealed_values(section: Any) -> Any:
    """The section as it was. What cannot be decrypted stays as it is stored, and is not lost when
    it is written back: with its key it can be read again."""
    if not isinstance(section, Mapping):
        return section
    return {name: _unsealed(value) for name, value in section.items()}


def begin_new_key() -> None:
    """From now on a new key encrypts; those before it still decrypt."""
    _write_keys([secrets.token_urlsafe(KEY_LENGTH)[:KEY_LENGTH], *_own_keys()])


def forget_keys(kept: int) -> None:
    """Keep the newest `kept` keys: what only another can decrypt is lost."""
    _write_keys(_own_keys()[:kept])


def own_keys_in_use() -> bool:
    """Whether the keys are the file's; else SECRETS_KEYS says them, and whoever wrote that."""
    return not settings.SECRETS_KEYS


def _sealed(value: Any) -> Any:
    if not isinstance(value, str) or not value or is_sealed(value):
        return value
    return PREFIX + encrypt(value)


def _unsealed(value: Any) -> Any:
    if not is_sealed(value):
        return value
    try:
        return decrypt(value.removeprefix(PREFIX))
    except KeyLost:
        return value


def _keys() -> tuple[str, ...]:
    """Those of the file after those of the setting: what was stored before it was made is read."""
    given: list[str] = settings.SECRETS_KEYS
    if not given:
        settings.HOME.secret(KEY_NAME, KEY_LENGTH)
    return (*given, *_own_keys())


def _own_keys() -> list[str]:
    path = _path()
    return path.read_text(encoding="ascii").split() if path.exists() else []


def _write_keys(keys: list[str]) -> None:
    draft = _path().with_name(f".{KEY_NAME}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(keys))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_path())


def _path() -> Path:
    root: Path = settings.HOME.root
    return root / KEY_NAME


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys]
    )
