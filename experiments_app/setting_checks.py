"""What a setting may be: each check returns the value as it is kept, or raises ValueError."""

import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

HOST = re.compile(r"[A-Za-z0-9_.-]+(:[0-9]{1,5})?", re.ASCII)
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
MAX_PRICE = 1_000_000
MAX_PULL_S = 7 * 24 * 3600


def proxy(text: str) -> str:
    return _url(text, "http://proxy.example:3128")


def endpoint(text: str) -> str:
    return _url(text, "https://huggingface.co").rstrip("/")


def _url(text: str, example: str) -> str:
    _one_word(text)
    try:
        parts = urlsplit(text)
        right = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, a bracket that does not close
        right = False
    if not right:
        raise ValueError(f"is not an address with http:// or https:// and a host, like {example}")
    return text


def hosts(text: str) -> str:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        _one_word(name)
        if "://" in name:
            raise ValueError("holds an address; write hosts alone, without http://")
    return ",".join(names)


def registry(text: str) -> str:
    if not HOST.fullmatch(text):
        raise ValueError("is not host or host:port; write it without https:// and without a path")
    return text


def certificates(text: str) -> str:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ValueError("must be an absolute path on this machine")
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError as error:
        raise ValueError("holds no certificates in PEM form") from error
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    return str(path)


def flag(text: str) -> str:
    """Kept as "1"; off is the default, and needs no keeping."""
    word = text.lower()
    if word not in TRUE | FALSE:
        raise ValueError("must be true or false")
    return "1" if word in TRUE else ""


def token(text: str) -> str:
    return _one_word(text)


def user(text: str) -> str:
    return _one_word(text)


def password(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a control character")
    return text


def whole_seconds(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MAX_PULL_S):
        raise ValueError(f"must be a whole number of seconds from 1 to {MAX_PULL_S}")
    return text


def price(text: str) -> str:
    """More than 0."""
    try:
        right = 0 < float(text) <= MAX_PRICE
    except ValueError:
        right = False
    if not right:
        raise ValueError(f"must be a number above 0 and at most {MAX_PRICE}")
    return text


def currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError("must be a code of three capital letters, like USD")
    return text


def _one_word(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("holds a space or a character that is not ASCII")
    return text
