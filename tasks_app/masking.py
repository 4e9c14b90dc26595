"""Values that are nobody's to read: masked where they are shown, kept where the mask comes back."""

import re
from collections.abc import Mapping
from typing import Any

from tasks_app.problems import Problem

MASK = "••••••••"
MIN_SECRET_LENGTH = 4
"""Shorter values stand in any text by chance."""
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name probably holds a secret."""
    return _SECRET_NAME.search(name) is not None


def masked_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A task document with the secrets of its environment masked."""
    environment = document.get("environment")
    if not isinstance(environment, Mapping):
        return dict(document)
    shown = {
        name: MASK if value and is_secret_name(str(name)) else value
        for name, value in environment.items()
    }
    return {**document, "environment": shown}


def unmasked(environment: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """What a user sent back, with the stored value wherever the mask was left standing."""
    return {
        name: stored[name] if value == MASK and name in stored else value
        for name, value in environment.items()
    }


def mask_problems(environment: Mapping[str, str]) -> list[Problem]:
    """Masks that stand where secrets should: an export has them, and they are no secrets."""
    return [
        Problem(f"environment.{name}", "is masked here", "put the value in again")
        for name, value in environment.items()
        if value == MASK
    ]


def mask_text(text: str, environment: Mapping[str, str]) -> str:
    """`text` without the secrets of `environment`, which a program may have repeated in it."""
    for name, value in environment.items():
        if is_secret_name(name) and len(value) >= MIN_SECRET_LENGTH:
            text = text.replace(value, MASK)
    return text
