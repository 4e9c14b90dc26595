"""Values that are nobody's to read: masked where they are shown, kept where the mask comes back."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from autotuner_site.sealing import is_sealed

if TYPE_CHECKING:
    from tasks_app.spec import TaskSpec

MASK = "••••••••"
MIN_SECRET_LENGTH = 4
"""Shorter values stand in any text by chance."""
MIN_TOKEN_LENGTH = 16
"""The user of an address that is shorter is perhaps one: admin, root."""
SECTIONS_WITH_SECRETS = ("environment", "access")
_SECRET_NAME = re.compile(
    r"TOKEN(?!IZ)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH"
    r"|(?:(?:^|_)(?:KEY|PASS|PAT)|_PWD)(?:_ID|_?\d+)?$",  # PWD alone is a folder
    re.IGNORECASE,
)
# A user without a password is a token, where it is not that of another protocol: ssh://git@host.
_URL_PASSWORD = re.compile(
    r"(?<=://)(?P<user>[^\s/:@\"']*):(?P<password>[^\s/\"']+)(?=@)"
    r"|(?:(?<=http://)|(?<=https://))(?P<token>[^\s/:@\"'?#]+)(?=:?@)",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name probably holds a secret."""
    return _SECRET_NAME.search(name) is not None


def masked_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A task document as anybody may see it: without the secrets of its environment and access."""
    shown = dict(document)
    for section in SECTIONS_WITH_SECRETS:
        values = document.get(section)
        if isinstance(values, Mapping):
            shown[section] = {name: _masked(str(name), value) for name, value in values.items()}
    return shown


def unmasked_document(document: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a user sent back, with the stored value wherever its mask was left standing.

    A mask in an otherwise changed value stays, and is refused like any other: the password of
    one proxy is not sent to another.
    """
    filled = dict(document)
    for section in SECTIONS_WITH_SECRETS:
        values, kept = document.get(section), stored.get(section)
        if not isinstance(values, Mapping) or not isinstance(kept, Mapping):
            continue
        filled[section] = {
            name: kept[name]
            if name in kept and is_masked(value) and value == _masked(str(name), kept[name])
            else value
            for name, value in values.items()
        }
    return filled


def secrets_in_clear(document: Mapping[str, Any]) -> list[str]:
    """Places of a document, as `access.hub_token`, that hold a secret as it is."""
    masked = masked_document(document)
    return [
        f"{section}.{name}"
        for section in SECTIONS_WITH_SECRETS
        if isinstance(document.get(section), Mapping)
        for name, value in document[section].items()
        if value != masked[section][name]
    ]


def is_masked(value: object) -> bool:
    """Whether a mask stands in it: it is shown, or exported, and not the value itself."""
    return isinstance(value, str) and MASK in value


def _masked(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return MASK if value is not None and is_secret_name(name) else value
    if is_sealed(value):
        return MASK
    return MASK if value and is_secret_name(name) else mask_urls(value)


def mask_urls(text: str) -> str:
    """`text` without the password of any address in it: `http://user:…@proxy:3128`.

    A user alone may be a token: `https://…@host`.
    """
    return _URL_PASSWORD.sub(_masked_password, text)


def _masked_password(match: re.Match[str]) -> str:
    if match["token"]:
        return MASK
    is_example = (
        match[0] == "user:password"
    )  # in what we write ourselves: http://user:password@host
    return match[0] if is_example else f"{match['user']}:{MASK}"


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """What a text must not show: values of secret-looking names, passwords in addresses as they
    stand there and as they are sent; the longest first, for one may be part of another."""
    found = {value for name, value in environment.items() if is_secret_name(name)}
    for value in environment.values():
        for match in _URL_PASSWORD.finditer(value):
            secret = match["password"] or match["token"]
            if match["password"] or len(secret) >= MIN_TOKEN_LENGTH:
                found |= {secret, unquote(secret)}
    return _worth_masking(found)


def spec_secrets(spec: "TaskSpec") -> list[str]:
    """All secrets of a task, the longest first."""
    access = {name: value for name, value in spec.access.model_dump().items() if value}
    return _worth_masking({*secrets_in(spec.environment), *secrets_in(access)})


def _worth_masking(secrets: Iterable[str]) -> list[str]:
    return sorted((s for s in set(secrets) if len(s) >= MIN_SECRET_LENGTH), key=len, reverse=True)


def unreadable_secrets(spec: "TaskSpec") -> list[str]:
    """Places of a spec whose stored value cannot be decrypted."""
    sections = {"environment": spec.environment, "access": spec.access.model_dump()}
    return [
        f"{section}.{name}"
        for section, values in sections.items()
        for name, value in values.items()
        if is_sealed(value)
    ]


def hidden_names(environment: Mapping[str, str]) -> frozenset[str]:
    """The variables that hold a secret, by their name or as the password of an address."""
    return frozenset(
        name
        for name, value in environment.items()
        if is_secret_name(name) or is_sealed(value) or _URL_PASSWORD.search(value)
    )


def mask_text(text: str, environment: Mapping[str, str], *more: str) -> str:
    """`text` without the secrets of `environment` and `more`, which a program may have repeated in
    it, and without the password of any address."""
    text = mask_urls(text)
    for secret in _worth_masking([*secrets_in(environment), *more]):
        text = text.replace(secret, MASK)
    return text
