"""What the hub, its cache, or the way to it can fail with."""

from enum import StrEnum


class HubErrorKind(StrEnum):
    """Why the hub, or the way to it, did not give what was asked for."""

    NETWORK_UNREACHABLE = "network_unreachable"  # no such host, refused, no answer to a connect
    PROXY_REFUSED = "proxy_refused"  # the proxy is not there, or lets nothing through
    TLS = "tls"  # a certificate that is not trusted
    TIME_OUT = "hub_time_out"  # it took the connection and then said nothing, or too slowly
    GATED = "gated"  # its owner has not granted access
    UNAUTHORIZED = "unauthorized"  # no token, or one that is not valid
    NOT_FOUND = "not_on_hub"
    RATE_LIMITED = "rate_limited"
    OFFLINE_MISSING = "offline_missing"  # HF_HUB_OFFLINE, and it is not in the cache
    NO_TOKENIZER = "no_tokenizer"  # found, but there is no tokenizer in it that can be read
    DISK_FULL = "disk_full"
    OTHER = "hub_other"


class HubError(Exception):
    """The hub or its cache did not give what was asked for; the message says what to do."""

    def __init__(self, kind: HubErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
