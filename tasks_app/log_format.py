"""How a line of the site's log is written: as text, or as one JSON object; never with a secret."""

import json
import logging
import re
from datetime import UTC, datetime

from django.conf import settings

from autotuner_site.log_context import current_fields, current_secrets
from autotuner_site.secret_marks import API_TOKEN, WEBHOOK
from tasks_app.masking import MASK, mask_text

SECRET_SETTINGS = (
    *("SECRET_KEY", "METRICS_TOKEN", "HF_TOKEN", "DOCKER_REGISTRY_PASSWORD"),
    *("HTTP_PROXY", "HTTPS_PROXY", "DATABASE_URL", "REDIS_URL", "EMAIL_HOST_PASSWORD"),
)
_TOKENS = re.compile(
    rf"\b{API_TOKEN}[\w-]{{20,}}"
    rf"|\b{WEBHOOK}[A-Za-z0-9+/=]{{20,}}"
    r"|(?<=/sign-in/)[^/\s]{1,100}/[^/\s]+"
)
"""Tokens of the API, secrets of webhooks, links that sign in: in a path that somebody asked for."""


class TextFormatter(logging.Formatter):
    """The fields stand in brackets behind the message, before a traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        line = super().formatMessage(record)
        fields = " ".join(f"{name}={value}" for name, value in current_fields().items())
        return f"{line} [{fields}]" if fields else line

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class JsonFormatter(logging.Formatter):
    """`time`, `level`, `logger`, `message`, the fields, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str | int] = {
            **current_fields(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def masked(text: str) -> str:
    """Without the secrets of the environment's settings and of whatever is under way."""
    values = {name: str(getattr(settings, name, "")) for name in SECRET_SETTINGS}
    text = mask_text(text, values, *getattr(settings, "SECRETS_KEYS", ()), *current_secrets())
    return _TOKENS.sub(MASK, text)
