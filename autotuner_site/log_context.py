"""What lines of the log carry besides their words: fields of whoever writes them, and the secrets
that must not stand in them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Fields = Mapping[str, str | int]

_fields: ContextVar[Fields | None] = ContextVar("log_fields", default=None)
_secrets: ContextVar[tuple[str, ...]] = ContextVar("log_secrets", default=())


@contextmanager
def log_fields(secrets: Iterable[str] = (), /, **fields: str | int) -> Iterator[None]:
    """Whatever is logged in the block carries `fields` too; `secrets` are masked in it."""
    fields_token = _fields.set({**current_fields(), **fields})
    secrets_token = _secrets.set((*_secrets.get(), *secrets))
    try:
        yield
    finally:
        _fields.reset(fields_token)
        _secrets.reset(secrets_token)


def current_fields() -> Fields:
    return _fields.get() or {}


def current_secrets() -> tuple[str, ...]:
    return _secrets.get()
