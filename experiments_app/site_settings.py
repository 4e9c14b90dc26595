"""Settings that can be made in the browser too: what is in force, and where it comes from.

What the environment or `.env` says counts first. What an administrator sets is kept encrypted in
the database and read anew each time: the site, the consumer and the commands are processes of
their own, and a change counts for all of them at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from autotuner_site.sealing import KeyLost, decrypt, encrypt
from experiments_app import setting_checks as checks
from experiments_app.models import SiteSetting
from tasks_app.audit import record
from tasks_app.masking import MASK, mask_urls

KEY_LOST = "cannot be read: the key that it was stored with is gone. Set it again."


class Source(StrEnum):
    ENVIRONMENT = "environment"
    DOTENV = ".env"
    BROWSER = "set here"
    DEFAULT = "default"
    MADE = "made at the first start"


@dataclass(frozen=True)
class Definition:
    """A setting of this kind. `check` returns the value as it is kept, or raises ValueError."""

    name: str
    help: str
    check: Callable[[str], str]
    default: str = ""
    secret: bool = False
    placeholder: str = ""

    @property
    def is_flag(self) -> bool:
        return self.check is checks.flag


@dataclass(frozen=True)
class Setting:
    """A setting in force; flags are "1" or "". `fault`: why what was stored does not count."""

    name: str
    value: str
    source: Source
    secret: bool = False
    fault: str = ""

    @property
    def shown(self) -> str:
        """The value as anybody may see it."""
        if self.secret:
            return MASK if self.value else ""
        if self.is_flag:
            return "true" if self.value else "false"
        return mask_urls(self.value)

    @property
    def is_flag(self) -> bool:
        return self.name in DEFINITIONS and DEFINITIONS[self.name].is_flag

    @property
    def is_given(self) -> bool:
        """The environment says so: it cannot be changed in the browser."""
        return self.source in {Source.ENVIRONMENT, Source.DOTENV}


DEFINITIONS: dict[str, Definition] = {
    definition.name: definition
    for definition in (
        Definition(
            "HTTP_PROXY",
            "For plain HTTP. Servers, benchmark and downloads go through it.",
            checks.proxy,
            placeholder="http://user:password@proxy.example:3128",
        ),
        Definition(
            "HTTPS_PROXY",
            "For HTTPS, which is what the hub speaks; mostly the same address, with http:// too.",
            checks.proxy,
            placeholder="http://user:password@proxy.example:3128",
        ),
        Definition(
            "NO_PROXY",
            "Hosts that are reached directly, separated by commas. Loopback always is.",
            checks.hosts,
            placeholder="intranet.example,10.0.0.5",
        ),
        Definition(
            "CA_BUNDLE",
            "File on this machine with every certificate to trust, for a proxy that intercepts"
            " TLS.",
            checks.certificates,
            placeholder="/etc/ssl/certs/ca-certificates.crt",
        ),
        Definition(
            "HF_TOKEN", "For gated and private models of the hub.", checks.token, secret=True
        ),
        Definition(
            "HF_ENDPOINT",
            "A mirror of the hub.",
            checks.endpoint,
            default="https://huggingface.co",
            placeholder="https://huggingface.co",
        ),
        Definition(
            "HF_HUB_OFFLINE",
            "Only what is in the cache is used; the hub is not asked.",
            checks.flag,
        ),
        Definition(
            "DOCKER_REGISTRY",
            "The registry of the account below.",
            checks.registry,
            default="docker.io",
            placeholder="registry.example:5000",
        ),
        Definition("DOCKER_REGISTRY_USER", "Account for private images.", checks.user),
        Definition(
            "DOCKER_REGISTRY_PASSWORD",
            "Its password, or better an access token.",
            checks.password,
            secret=True,
        ),
        Definition(
            "DOCKER_PULL_TIMEOUT_S",
            "Seconds that fetching an image may take.",
            checks.whole_seconds,
            default="3600",
        ),
        Definition(
            "PRICE_PER_DEVICE_HOUR",
            "What a GPU, or this machine's CPU, costs for an hour, where a task does not say.",
            checks.price,
            placeholder="2.50",
        ),
        Definition("CURRENCY", "Of that price.", checks.currency, default="USD"),
    )
}


def value_of(name: str) -> str:
    """The value in force: text as in `.env`; a flag is "1" or ""."""
    return setting(name).value


def setting(name: str) -> Setting:
    definition = DEFINITIONS[name]
    return _in_force(definition, {} if _given(definition) else _stored(name))


def settings_in_force() -> dict[str, Setting]:
    """All of them, by name, with one query."""
    stored = _stored(*DEFINITIONS)
    return {name: _in_force(definition, stored) for name, definition in DEFINITIONS.items()}


def store(name: str, value: str, user: User | None = None) -> None:
    """Keep a value; an empty one takes back what was kept. Raises ValueError for a wrong one."""
    value = DEFINITIONS[name].check(value.strip()) if value.strip() else ""
    with transaction.atomic():
        record("setting.set" if value else "setting.cleared", name, user=user)
        _keep(name, value, user)


def _keep(name: str, value: str, user: User | None) -> None:
    if not value:
        SiteSetting.objects.filter(name=name).delete()
        return
    SiteSetting.objects.update_or_create(
        name=name, defaults={"encrypted_value": encrypt(value), "updated_by": user}
    )


def _in_force(definition: Definition, stored: dict[str, str]) -> Setting:
    given = _given(definition)
    if given:
        return given
    name, fault = definition.name, ""
    if name in stored:
        try:
            value = decrypt(stored[name])
        except KeyLost:
            fault = KEY_LOST
        else:
            return Setting(name, value, Source.BROWSER, definition.secret)
    return Setting(name, definition.default, Source.DEFAULT, definition.secret, fault)


def _given(definition: Definition) -> Setting | None:
    """What the environment or `.env` says, or None."""
    found = getattr(settings, definition.name)
    value = "1" if found is True else str(found or "")
    source = settings.SETTING_SOURCES.get(definition.name)
    if source is None and value in {"", definition.default}:
        return None
    return Setting(definition.name, value, Source(source or Source.ENVIRONMENT), definition.secret)


def _stored(*names: str) -> dict[str, str]:
    rows = SiteSetting.objects.filter(name__in=names).values_list("name", "encrypted_value")
    try:
        return dict(rows)
    except DatabaseError:
        if SiteSetting._meta.db_table in connection.introspection.table_names():
            raise
        return {}  # before the first migrate
