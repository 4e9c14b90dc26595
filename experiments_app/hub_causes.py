"""Why the hub did not give what was asked for, told from what its library raised.

For the client's process only (`experiments_app.hub_client`): proxies and token are looked for in
the environment, as the library does. Secrets in the messages are masked by who asked.
"""

import errno
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from huggingface_hub import constants, get_token
from huggingface_hub.errors import HfHubHTTPError

from experiments_app.hub_error import HubError
from experiments_app.hub_error import HubErrorKind as Kind

BY_HAND = ", or fetch it elsewhere, put it on this machine and give the folder's path"


def explain(error: BaseException, name: str = "") -> HubError | None:
    """The cause and what to do about it; None for a fault of this program.

    `name`: the model whose tokenizer was asked for; without, the hub itself was.
    """
    for cause in causes(error):
        found = _of_answer(cause, name) or _of_way(cause, name) or _of_disk(cause, name)
        if found:
            return found
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """From the error inwards; what a library raised instead comes before what made it do so."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _subject(name: str) -> str:
    return f"The tokenizer of {name}" if name else "The hub"


def _of_way(cause: BaseException, name: str) -> HubError | None:
    """The hub was not reached."""
    subject, host, proxy = _subject(name), urlsplit(constants.ENDPOINT).netloc, _proxy_in_use()
    match cause:
        case httpx2.ProxyError():
            return _proxy_refusal(proxy, str(cause), subject)
        case httpx2.TransportError() if "CERTIFICATE_VERIFY" in str(cause):
            return HubError(
                Kind.TLS,
                f"{subject}: the certificate of {host} is not trusted ({_tail(cause)}). If a proxy"
                " intercepts TLS here, set CA_BUNDLE to a file that has its certificate too.",
            )
        case httpx2.ConnectError() | httpx2.ConnectTimeout() if proxy:
            return HubError(
                Kind.PROXY_REFUSED,
                f"{subject}: the proxy {proxy} cannot be reached ({_reason(cause)}). Check its"
                " address in HTTPS_PROXY and HTTP_PROXY, or name the hub in NO_PROXY.",
            )
        case httpx2.ConnectTimeout():
            pass
        case httpx2.TimeoutException():
            return HubError(
                Kind.TIME_OUT,
                f"{subject}: {host} took the connection and then said nothing. Try again later, or"
                " set HF_ENDPOINT to a mirror.",
            )
    if not isinstance(cause, httpx2.TransportError):
        return None
    return HubError(
        Kind.NETWORK_UNREACHABLE,
        f"{subject}: {host} cannot be reached ({_reason(cause)}). Check this machine's network; set"
        f" HTTPS_PROXY if it needs a proxy, HF_ENDPOINT to use a mirror{BY_HAND if name else ''}.",
    )


def _of_disk(cause: BaseException, name: str) -> HubError | None:
    subject = _subject(name)
    match cause:
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return HubError(
                Kind.DISK_FULL,
                f"{subject}: no space is left in {constants.HF_HOME}. Remove cached models on the"
                " page System, or set HF_HOME to a folder with more space.",
            )
        case OSError(errno=errno.EACCES | errno.EPERM | errno.EROFS | errno.ENOTDIR):
            return HubError(
                Kind.OTHER,
                f"{subject}: {cause.filename or constants.HF_HOME} cannot be written"
                f" ({cause.strerror}). Give this user the right to, or set HF_HOME to another"
                " folder.",
            )
    return None


def _of_answer(cause: BaseException, name: str) -> HubError | None:
    """The hub answered, or something on the way did in its name."""
    match cause:
        case HubError():
            return cause
        case json.JSONDecodeError():
            return HubError(
                Kind.OTHER,
                f"What answers at {constants.ENDPOINT} is not the hub. It may be a sign-in page of"
                " the network, then open the address in a browser on this machine; or set"
                " HF_ENDPOINT to the right one.",
            )
        case HfHubHTTPError() | httpx2.HTTPStatusError():
            answer = cause.response
        case _:
            return None
    status, subject, proxy = answer.status_code, _subject(name), _proxy_in_use()
    if status == 407 or (status in {502, 504} and proxy):
        return _proxy_refusal(proxy, f"{status} {answer.reason_phrase}", subject)
    host = answer.url.netloc.decode()
    if status in {401, 403}:
        return _forbidden(answer, name, host)
    if status == 429:
        hint = "" if get_token() else "; with an HF_TOKEN the limit is higher"
        return HubError(
            Kind.RATE_LIMITED,
            f"{subject}: {host} takes no more requests from here for now (429). Try again"
            f" {_when(answer)}{hint}.",
        )
    if status == 404:
        hint = "" if get_token() else "; if it is private, set HF_TOKEN"
        return HubError(
            Kind.NOT_FOUND, f"{name or 'The hub'} is not on {host} (404). Check the spelling{hint}."
        )
    return HubError(
        Kind.OTHER,
        f"{subject}: {host} answers {status}{_said(answer)}. Try again later, or set HF_ENDPOINT to"
        " a mirror.",
    )


def _forbidden(answer: httpx2.Response, name: str, host: str) -> HubError:
    status, subject, token = answer.status_code, _subject(name), bool(get_token())
    if answer.headers.get("X-Error-Code") == "GatedRepo":
        todo = "with the account of HF_TOKEN" if token else "and set HF_TOKEN to a token of yours"
        return HubError(
            Kind.GATED,
            f"{name} is gated ({status}): its owner must grant access. Ask for it on"
            f" {constants.ENDPOINT}/{name} {todo}.",
        )
    if status == 403:
        return HubError(
            Kind.GATED,
            f"{subject}: access is forbidden (403{_said(answer)}). Give the token the right to read"
            " it; or a proxy on the way forbids the hub.",
        )
    if token:
        return HubError(
            Kind.UNAUTHORIZED,
            f"{subject}: {host} does not accept the token (401). Set HF_TOKEN, or the task's"
            " hub_token, to one that is valid.",
        )
    return HubError(
        Kind.UNAUTHORIZED,
        f"{subject}: {host} shows it to nobody without a token (401), because it is private or"
        " there is no such thing. Check its name; if that is right, set HF_TOKEN.",
    )


def _said(answer: httpx2.Response) -> str:
    said = answer.headers.get("X-Error-Message", "")[:300].strip().rstrip(".")
    return f", {said}" if said else ""


def _proxy_refusal(proxy: str, said: str, subject: str) -> HubError:
    if "407" in said:
        todo = "Write user and password into HTTPS_PROXY: http://user:password@host:port"
    else:
        todo = "Ask whoever runs it to let this machine reach the hub, or set HF_ENDPOINT"
    name = f"the proxy {proxy}" if proxy else "a proxy"
    return HubError(Kind.PROXY_REFUSED, f"{subject}: {name} refuses ({said}). {todo}.")


def _proxy_in_use() -> str:
    """The proxy that leads to the hub, or ""."""
    parts = urlsplit(constants.ENDPOINT)
    if proxy_bypass(parts.hostname or ""):
        return ""
    return getproxies().get(parts.scheme, "")


def _when(answer: httpx2.Response) -> str:
    wait = answer.headers.get("Retry-After", "")
    if not wait:  # "api";r=0;t=55
        fields = answer.headers.get("RateLimit", "").replace(" ", "").split(";")
        wait = next((field[2:] for field in fields if field.startswith("t=")), "")
    return f"in {wait} s" if wait.isdecimal() else f"after {wait}" if wait else "in some minutes"


def _reason(cause: BaseException) -> str:
    for inner in causes(cause):
        if isinstance(inner, socket.gaierror):
            return f"its name is not known here: {inner.strerror or inner}"
        if isinstance(inner, ConnectionRefusedError):
            return "it refuses connections"
    if isinstance(cause, httpx2.ConnectTimeout):
        return "no answer"
    if isinstance(cause, httpx2.ConnectError):
        return _tail(cause)
    return f"the connection was broken off: {_tail(cause)}"


def _tail(cause: BaseException) -> str:
    return str(cause).strip().rstrip(".") or type(cause).__name__
