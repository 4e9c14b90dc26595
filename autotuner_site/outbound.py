"""Requests to addresses that users name: webhooks, data sets. Only into the open internet.

A user's address is looked up once, every number that it stands for is held against what nobody's
request may reach, and the connection goes to a number that was checked: a name that leads elsewhere
a moment later is no way in. Redirects are requests of their own. Time and size are bounded whatever
the other side sends.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpcore
import httpx

from autotuner_site.outbound_body import BodyCut, read_body
from autotuner_site.outbound_check import (
    LOOK_UP_S,
    NoAnswer,
    OutboundError,
    Proxies,
    Refused,
    Target,
    TooLarge,
    check,
    parsed,
)
from autotuner_site.outbound_stream import CheckedBackend, Deadline

__all__ = [
    "Answer",
    "NoAnswer",
    "OutboundError",
    "Proxies",
    "Refused",
    "Target",
    "TooLarge",
    "check",
    "fetch",
]

ORIGIN_KEEPS = frozenset({"accept", "accept-language", "user-agent"})
"""Headers that go along when a redirect leads to another host; any other may be a secret."""


@dataclass(frozen=True)
class Answer:
    """`content`: empty where a sink took it. `is_cut`: the other side had more to say."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes = b""
    size: int = 0
    is_cut: bool = False
    redirected_from: tuple[str, ...] = field(default=())

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None,
    allowed_hosts: Sequence[str],
    connect_s: float,
    total_s: float,
    max_bytes: int,
    redirects: int,
    sink: Callable[[bytes], None] | None = None,
    begun: Callable[[Mapping[str, str]], None] | None = None,
    tick: Callable[[], None] | None = None,
    proxies: Proxies | None = None,
    ca_bundle: Path | None = None,
    require_ok: bool = False,
) -> Answer:
    """The answer, whatever its status; with `redirects=0` a redirect is an answer like others.
    `require_ok`: NoAnswer for any but a 2xx.

    Raises Refused and NoAnswer. `sink` takes the body of a 2xx as it comes, decoded; one longer
    than `max_bytes` raises TooLarge. Without a sink the body is cut there, and kept. `begun` is
    told the headers of that 2xx; `tick` is called while waiting, and may raise to give up.
    `total_s` counts for everything, redirects and names included."""
    deadline = Deadline(total_s, tick)
    came_from: list[str] = []
    asked = httpx.Headers(dict(headers))
    while True:
        request = _Request(method, asked, content, deadline, connect_s, max_bytes)
        try:
            target, proxy = _way(url, allowed_hosts, deadline, proxies, came_from)
            answer = request.send(target, proxy, ca_bundle, sink, begun)
        except httpcore.TimeoutException as error:
            raise NoAnswer(f"{_named(url)} did not answer in time.") from error
        except BodyCut as error:
            raise TooLarge(str(error)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as error:
            raise NoAnswer(f"{_named(url)} could not be asked: {_cause(error)}") from error
        following = _next_url(answer, target, redirects)
        if following is None:
            if require_ok and not answer.is_ok:
                raise NoAnswer(f"{_named(url)} answered with status {answer.status}.")
            return Answer(**{**vars(answer), "redirected_from": tuple(came_from)})
        came_from.append(url)
        if len(came_from) > redirects:
            raise Refused(f"More than {redirects} redirects, the last to {_named(following)}.")
        method, content = _method_after(answer.status, method, content)
        asked = _headers_for(asked, url, following, content)
        url = following


@dataclass(frozen=True)
class _Request:
    method: str
    headers: httpx.Headers
    content: bytes | None
    deadline: Deadline
    connect_s: float
    max_bytes: int

    def send(
        self,
        target: Target,
        proxy: str,
        ca_bundle: Path | None,
        sink: Callable[[bytes], None] | None,
        begun: Callable[[Mapping[str, str]], None] | None,
    ) -> Answer:
        addresses = () if proxy else target.addresses
        with httpcore.ConnectionPool(
            ssl_context=_tls(ca_bundle),
            proxy=_proxy(proxy, ca_bundle),
            network_backend=CheckedBackend(addresses, self.deadline),
        ) as pool:
            response = pool.handle_request(self._raw(target))
            try:
                kept = httpx.Headers(response.headers)
                takes = sink if 200 <= response.status < 300 else None
                if takes and begun:
                    begun(kept)
                body, size, is_cut = read_body(response, kept, self.max_bytes, takes)
            finally:
                response.close()
        return Answer(str(target.url), response.status, kept, body, size, is_cut)

    def _raw(self, target: Target) -> httpcore.Request:
        headers = self.headers.copy()
        headers["accept-encoding"] = "identity"
        built = httpx.Request(self.method, target.url, headers=headers, content=self.content)
        wait_s = dict.fromkeys(("connect", "pool"), self.connect_s)
        return httpcore.Request(
            self.method,
            httpcore.URL(
                scheme=target.url.raw_scheme,
                host=target.url.raw_host,
                port=target.url.port,
                target=target.url.raw_path,
            ),
            headers=built.headers.raw,
            content=self.content,
            extensions={"timeout": wait_s},
        )


def _way(
    url: str,
    allowed_hosts: Sequence[str],
    deadline: Deadline,
    proxies: Proxies | None,
    came_from: Sequence[str],
) -> tuple[Target, str]:
    try:
        proxy = proxies.for_(Target(parsed(url), ())) if proxies else ""
        look_up_s = deadline.left_s(LOOK_UP_S)
        target = check(url, allowed_hosts=allowed_hosts, look_up_s=look_up_s, proxied=bool(proxy))
    except Refused as error:
        if not came_from:
            raise
        raise Refused(f"{_named(came_from[-1])} redirects where nobody may go. {error}") from error
    return target, proxy


def _next_url(answer: Answer, target: Target, redirects: int) -> str | None:
    where = answer.headers.get("location")
    if not redirects or answer.status not in {301, 302, 303, 307, 308} or not where:
        return None
    try:
        following = target.url.join(where)
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused(f"{_named(answer.url)} redirects to what is no address.") from error
    if target.url.scheme == "https" and following.scheme != "https":
        raise Refused(f"{_named(answer.url)} redirects from https to {following.scheme}.")
    return str(following)


def _method_after(status: int, method: str, content: bytes | None) -> tuple[str, bytes | None]:
    if status in {307, 308} or method in {"GET", "HEAD"}:
        return method, content
    return "GET", None


def _headers_for(
    headers: httpx.Headers, url: str, following: str, content: bytes | None
) -> httpx.Headers:
    old, new = httpx.URL(url), httpx.URL(following)
    kept = headers.copy()
    if (old.scheme, old.host, old.port) != (new.scheme, new.host, new.port):
        kept = httpx.Headers({n: v for n, v in headers.items() if n.lower() in ORIGIN_KEEPS})
        if content is not None and "content-type" in headers:
            kept["content-type"] = headers["content-type"]
    elif content is None:
        kept.pop("content-type", None)
    return kept


def _proxy(url: str, ca_bundle: Path | None) -> httpcore.Proxy | None:
    if not url:
        return None
    whole = httpx.URL(url)
    plain = whole.copy_with(username=None, password=None)
    auth = (whole.username, whole.password) if whole.username else None
    tls = _tls(ca_bundle) if whole.scheme == "https" else None
    return httpcore.Proxy(str(plain), auth=auth, ssl_context=tls)


def _tls(ca_bundle: Path | None) -> ssl.SSLContext:
    if ca_bundle is None:
        return httpcore.default_ssl_context()
    return ssl.create_default_context(cafile=str(ca_bundle))


def _named(url: str) -> str:
    """Without path and query: they may hold a secret."""
    whole = httpx.URL(url)
    return f"{whole.scheme}://{whole.netloc.decode('ascii', 'replace')}"


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate does not hold ({cause.verify_message})"
    return str(error) or type(error).__name__
