"""The sections of a task file about how its server is run: container, readiness, access, variables.

What is wrong with a secret, or with an address that may hold one, is told without repeating it.
"""

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from autotuner_site.sealing import is_sealed
from tasks_app.flags import CONTROL_CHARACTER
from tasks_app.masking import is_masked, is_secret_name, mask_urls
from tasks_app.problems import did_you_mean
from tasks_app.spec_sections import STRICT
from tasks_app.validation import refusal, refusal_of_keys, shown, wrong_type
from tasks_app.volumes import Volume, VolumeRefused

ULIMITS: Final = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc"),
    *("rss", "rtprio", "rttime", "sigpending", "stack"),
)
MAX_ULIMIT: Final = 2**63 - 1
# Not SOCKS: the HTTP clients of hub and benchmark need a package for it that we do not have, and
# without it refuse to work at all.
PROXY_SCHEMES: Final = ("http", "https")
EXAMPLE_PROXY: Final = "write http://proxy.example:3128"
MASKED: Final = ("is masked here", "put the value in again")


def _check_environment(value: dict[str, Any]) -> dict[str, str]:
    wrong = {name: fault for name, text in value.items() if (fault := _variable_fault(name, text))}
    if wrong:
        raise refusal_of_keys(wrong)
    return value


def _variable_fault(name: str, text: object) -> tuple[str, str] | None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
        return (
            f"{shown(name)} is not the name of an environment variable",
            "letters, digits and underscores",
        )
    if not isinstance(text, str):
        if is_secret_name(name):
            return "must be text", "write it in quotes"
        return wrong_type(text, "text")
    if is_masked(text):
        return MASKED
    if CONTROL_CHARACTER.search(text.replace("\t", " ")):
        return "holds a line end or another control character", ""
    return ("is longer than 10,000 characters", "") if len(text) > 10_000 else None


def _not_a_text(value: object) -> object:
    """First of all: what stands where names and values should is perhaps a secret."""
    if isinstance(value, str):
        raise refusal("must be a mapping of keys to values, not a text")
    return value


Environment = Annotated[
    dict[str, Any],
    BeforeValidator(_not_a_text),
    AfterValidator(_check_environment),
    Field(max_length=200),
]


def _check_ulimits(value: dict[str, Any]) -> dict[str, int]:
    wrong = {name: fault for name, limit in value.items() if (fault := _ulimit_fault(name, limit))}
    if wrong:
        raise refusal_of_keys(wrong)
    return value


def _ulimit_fault(name: str, limit: object) -> tuple[str, str] | None:
    if name not in ULIMITS:
        return f"unknown limit {shown(name)}", did_you_mean(name, ULIMITS)
    if isinstance(limit, bool) or not isinstance(limit, int):
        return wrong_type(limit, "a whole number")
    if not -1 <= limit <= MAX_ULIMIT:
        return f"must lie between -1 and {MAX_ULIMIT}, not {limit}", "-1 is without limit"
    return None


def _check_volume(text: str) -> str:
    try:
        Volume.parse(text)
    except VolumeRefused as error:
        raise refusal(error.message, error.suggestion) from error
    return text


def _check_targets(volumes: list[str]) -> list[str]:
    targets: dict[str, str] = {}
    for text in volumes:
        target = Volume.parse(text).target
        if target in targets:
            raise refusal(f"two volumes lie at {target}", "keep one of the two")
        targets[target] = text
    return volumes


class Container(BaseModel):
    """How the container is set up; only looked at with `deployment_mode: docker`.

    Sizes in GiB. `ulimits`: name -> soft and hard limit, -1 for none; null is what suits the
    engine. `volumes`: `/host/folder:/folder[:ro|rw]`, each under a folder that the site allows.
    """

    model_config = STRICT

    network: Literal["host", "bridge"] = "host"
    ipc: Literal["host", "private"] = "host"
    shm_size_gib: float | None = Field(default=None, ge=0.001, le=4_096, allow_inf_nan=False)
    memory_gib: float | None = Field(default=None, ge=0.01, le=65_536, allow_inf_nan=False)
    cpus: float | None = Field(default=None, ge=0.01, le=4_096, allow_inf_nan=False)
    ulimits: Annotated[dict[str, Any], AfterValidator(_check_ulimits)] | None = None
    volumes: Annotated[
        list[Annotated[str, AfterValidator(_check_volume), Field(max_length=2_000)]],
        Field(max_length=20),
        AfterValidator(_check_targets),
    ] = Field(default_factory=list)


def _check_health_path(text: str) -> str:
    if not re.fullmatch(r"/[!-~]*", text, re.ASCII) or "#" in text:
        raise refusal(f"{shown(text)} is not a path of the server", "write /health")
    return text


class Readiness(BaseModel):
    """When a server counts as ready: null is the runtime's or the site's own value."""

    model_config = STRICT

    health_path: (
        Annotated[str, AfterValidator(_check_health_path), Field(max_length=200)] | None
    ) = None
    interval_s: float | None = Field(default=None, ge=0.01, le=60, allow_inf_nan=False)
    timeout_s: float | None = Field(default=None, ge=1, le=86_400, allow_inf_nan=False)


def _text_or_none(value: object) -> object:
    """First of all, so that a number that was meant as a secret is not repeated."""
    if value is not None and not isinstance(value, str):
        raise refusal("must be text", "write it in quotes")
    if is_masked(value):
        raise refusal(*MASKED)
    return value


def _check_one_word(text: str) -> str:
    if is_sealed(text):  # looked at again when it can be read
        return text
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise refusal("holds a blank, a control character or a letter that is not ASCII")
    return text


def _check_proxy(text: str) -> str:
    """An empty one is none at all, whatever the site has."""
    if not _check_one_word(text) or is_sealed(text):
        return text
    try:
        parts = urlsplit(text)
        right = parts.scheme in PROXY_SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, a bracket that does not close
        right = False
    if not right:
        schemes = ", ".join(f"{scheme}://" for scheme in PROXY_SCHEMES)
        raise refusal(f"is not an address with a host that starts with {schemes}", EXAMPLE_PROXY)
    if "@" in parts.path or ((parts.username or parts.password) and mask_urls(text) == text):
        raise refusal(
            "holds a character that a password in an address cannot",
            "write / as %2F, @ as %40, a quotation mark as %22 or %27",
        )
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise refusal("has more than host and port", EXAMPLE_PROXY)
    return text


def _check_no_proxy(text: str) -> str:
    for host in text.split(","):
        _check_one_word(host.strip())
        if "://" in host:
            raise refusal("holds an address", "write hosts alone, separated by commas")
    return text


def _check_token(text: str) -> str:
    """An empty one is none at all, whatever the site has."""
    _check_one_word(text)
    if text and not is_sealed(text) and not 8 <= len(text) <= 500:
        raise refusal("has not the length of a token", "paste it whole: hf_…")
    return text


class Access(BaseModel):
    """How this task's server and benchmark reach the network, over the site's own settings.

    null is the site's own value, empty text is none.
    """

    model_config = STRICT

    @model_validator(mode="before")
    @classmethod
    def _has_keys(cls, data: object) -> object:
        return _not_a_text(data)

    http_proxy: Annotated[
        Annotated[str, AfterValidator(_check_proxy), Field(max_length=1_000)] | None,
        BeforeValidator(_text_or_none),
    ] = Field(default=None, repr=False)
    https_proxy: Annotated[
        Annotated[str, AfterValidator(_check_proxy), Field(max_length=1_000)] | None,
        BeforeValidator(_text_or_none),
    ] = Field(default=None, repr=False)
    no_proxy: Annotated[str, AfterValidator(_check_no_proxy), Field(max_length=5_000)] | None = None
    hub_token: Annotated[
        Annotated[str, AfterValidator(_check_token)] | None, BeforeValidator(_text_or_none)
    ] = Field(default=None, repr=False)
