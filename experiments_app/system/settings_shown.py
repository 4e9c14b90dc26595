"""The settings that only the environment and `.env` can make, for the page that shows them all."""

from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings

from autotuner_site.service_urls import address_of
from experiments_app.retention import RULES
from experiments_app.site_settings import Setting, Source

# As the README names them, with where Django keeps them.
FIXED = {
    "AUTOTUNER_HOME": "AUTOTUNER_HOME",
    "DATABASE_URL": "DATABASE_URL",
    "REDIS_URL": "REDIS_URL",
    "DEBUG": "DEBUG",
    "SECRET_KEY": "SECRET_KEY",
    "SECRETS_KEYS": "SECRETS_KEYS",
    "ALLOWED_HOSTS": "ALLOWED_HOSTS",
    "HTTPS_ONLY": "HTTPS_ONLY",
    "SESSION_HOURS": "SESSION_HOURS",
    "PROXY_COUNT": "PROXY_COUNT",
    "SITE_URL": "SITE_URL",
    "EMAIL_URL": "EMAIL_URL",
    "EMAIL_FROM": "DEFAULT_FROM_EMAIL",
    "TIME_ZONE": "TIME_ZONE",
    "METRICS_TOKEN": "METRICS_TOKEN",
    "LOG_FORMAT": "LOG_FORMAT",
    "DEPLOYMENT_MODE": "DEPLOYMENT_MODE",
    "DOCKER_MODEL_PATH": "DOCKER_MODEL_PATH",
    "DOCKER_VOLUMES": "DOCKER_VOLUMES",
    "DOCKER_IMAGES": "DOCKER_IMAGES",
    "MODEL_PATHS": "MODEL_PATHS",
    "TASK_HOSTS": "TASK_HOSTS",
    "PORT_RANGE": "PORT_RANGE",
    "GENAI_BENCH_PATH": "GENAI_BENCH_PATH",
    "HF_HOME": "HF_HOME",
    "MIN_FREE_DISK_GIB": "MIN_FREE_DISK_GIB",
    "MAX_RUNNING_TASKS": "MAX_RUNNING_TASKS",
    "SERVER_LOG_MIB": "SERVER_LOG_MIB",
    "TASK_LOG_MIB": "TASK_LOG_MIB",
    "DOCKER_MEMORY_GIB": "DOCKER_MEMORY_GIB",
    "DATASET_MIB": "DATASET_MIB",
    "API_CALLS_PER_MINUTE": "API_CALLS_PER_MINUTE",
    "API_FAILED_SIGN_INS_PER_MINUTE": "API_FAILED_SIGN_INS_PER_MINUTE",
    **{name: name for name in RULES},
}
# Addresses with passwords in them, and where the data is without one.
SERVICES: Mapping[str, Callable[[], str]] = {
    "DATABASE_URL": lambda: str(settings.DATABASE_PATH),
    "REDIS_URL": lambda: str(settings.HOME.queue),
    "EMAIL_URL": lambda: "",
}
MADE = {"SECRET_KEY": Source.MADE, "SECRETS_KEYS": Source.MADE}
SECRETS = {*MADE, "METRICS_TOKEN"}


def fixed_settings() -> list[Setting]:
    return [
        Setting(
            name,
            _text(name, getattr(settings, attribute)),
            Source(settings.SETTING_SOURCES.get(name, MADE.get(name, Source.DEFAULT))),
            secret=name in SECRETS,
        )
        for name, attribute in FIXED.items()
    ]


def _text(name: str, value: object) -> str:
    if name in SERVICES:
        address = "" if settings.DATABASE_PATH and name == "DATABASE_URL" else str(value)
        return address_of(address) if address else SERVICES[name]()
    if isinstance(value, bool):
        return str(value).lower()
    if name == "PORT_RANGE" and isinstance(value, tuple):
        return "-".join(map(str, value))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, Path) or value else ""
