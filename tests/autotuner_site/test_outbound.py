"""Requests that go where users say: checked addresses, one look at the name, bounded answers."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from autotuner_site.outbound import Answer, NoAnswer, Proxies, Refused, TooLarge, check, fetch
from tests.web_server import Web, dripping, endless, packed, redirect, send, silent, web_server

OWN = ("127.0.0.1",)


@pytest.fixture(scope="module")
def shared() -> Iterator[Web]:
    with web_server() as web:
        yield web


@pytest.fixture
def web(shared: Web) -> Web:
    shared.files.clear()
    shared.ways.clear()
    shared.asked.clear()
    return shared


def get(url: str, **changes: Any) -> Answer:
    options: dict[str, Any] = {
        "headers": {},
        "content": None,
        "allowed_hosts": OWN,
        "connect_s": 5,
        "total_s": 10,
        "max_bytes": 100_000,
        "redirects": 3,
    }
    return fetch(changes.pop("method", "GET"), url, **(options | changes))


# Addresses

INSIDE = [
    "http://127.0.0.1", "http://127.1", "http://2130706433", "http://0x7f000001", "http://0",
    "http://localhost", "http://localhost.", "http://[::1]", "http://[::]", "http://0.0.0.0",
    "http://10.0.0.1", "http://172.16.5.5", "http://192.168.1.1", "http://100.64.0.1",
    "http://169.254.169.254/latest/meta-data/", "http://100.100.100.200", "http://192.0.0.192",
    "http://168.63.129.16", "http://[fd00:ec2::254]", "http://[fe80::1]", "http://[fec0::1]",
    "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://[64:ff9b::7f00:1]",
    "http://[64:ff9b:1::1]", "http://[2002:7f00:1::]", "http://[2001::1]", "http://[::7f00:1]",
    "http://[2001:db8::1]", "http://[ff02::1]", "http://224.0.0.1", "http://240.0.0.1",
    "http://0177.1", "http://127\u30020\u30020\u30021",
    "http://255.255.255.255", "http://198.18.0.1", "http://192.88.99.1",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
def test_an_address_inside_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="TASK_HOSTS"):
        check(url, allowed_hosts=())


@pytest.mark.parametrize(
    "url",
    ["https://1.1.1.1", "http://8.8.8.8:8080/x?y", "https://[2606:4700::1111]",
     "http://[64:ff9b::808:808]", "http://[2002:808:808::]", "http://[::ffff:8.8.8.8]"],
)  # fmt: skip
def test_an_address_of_the_open_internet_passes(url: str) -> None:
    assert check(url, allowed_hosts=()).addresses


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://1.1.1.1/x", "https:// or http://"),
        ("file:///etc/passwd", "https:// or http://"),
        ("gopher://1.1.1.1", "https:// or http://"),
        ("//1.1.1.1", "https:// or http://"),
        ("http://", "https:// or http://"),
        ("", "https:// or http://"),
        ("http://user:secret@1.1.1.1", "no name and no password"),
        ("http://1.1.1.1\\@127.0.0.1/", "no name and no password"),
        ("http://1.1.1.1:22", "Port 22"),
        ("http://1.1.1.1:0", "no port 0"),
        ("http://1.1.1.1:99999", "no port 99999"),
        ("http://1.1.1.1:x", "no address"),
        ("http://1.1.1.1/\x00", "no address"),
        ("http://[::1", "no address"),
        ("http://1.1.1.1\r\nX: y/", "no address"),
        ("http://1.1.1.1%00.x/", "letters, digits"),
        ("http://1.1.1.1%2f.inside/", "letters, digits"),
        ("http://1.1.1.1 /", "letters, digits"),
        ("http://127%2e0%2e0%2e1", "letters, digits"),
        ("http://[fe80::1%25eth0]/", "letters, digits"),
        ("http://1.1.1.1/" + "x" * 2_000, "2000 characters"),
    ],
)
def test_what_is_no_address_of_the_web_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        check(url, allowed_hosts=())
    assert "secret" not in str(refused.value)


def test_a_host_that_is_allowed_passes_as_it_is_written_and_no_other() -> None:
    assert check("http://LOCALHOST:22", allowed_hosts=["localhost"]).host == "localhost"
    assert check("http://[::1]:80", allowed_hosts=["[::1]"]).addresses == ("::1",)
    with pytest.raises(Refused):
        check("http://127.0.0.1", allowed_hosts=["localhost"])


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The resolver's answers for names, one after the other; numbers are taken as they are."""
    real, asked, left = socket.getaddrinfo, [], list(answers)

    def resolver(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(host, str) and host.endswith(".example"):
            asked.append(host)
            if not left:
                raise socket.gaierror(socket.EAI_NONAME, "unknown")
            numbers = left.pop(0)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in numbers]
        return real(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return asked


def test_a_name_with_one_private_number_among_public_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve(monkeypatch, ["1.1.1.1", "169.254.169.254"])
    with pytest.raises(Refused):
        check("http://both.example", allowed_hosts=())


def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch)
    with pytest.raises(NoAnswer, match="named nowhere"):
        check("http://nowhere.example", allowed_hosts=())


def test_the_name_is_looked_up_once_and_the_request_goes_to_what_was_checked(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.files["/"] = b"here"
    asked = resolve(monkeypatch, ["127.0.0.1"], ["127.9.9.9"])
    url = f"http://rebound.example:{web.port}/"
    assert get(url, allowed_hosts=["rebound.example"]).content == b"here"
    assert asked == ["rebound.example"]
    assert web.headers["host"] == f"rebound.example:{web.port}"


def test_the_next_number_is_tried_where_the_first_refuses(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.files["/"] = b"here"
    resolve(monkeypatch, ["127.9.9.9", "127.0.0.1"])
    assert get(f"http://two.example:{web.port}/", allowed_hosts=["two.example"]).is_ok


# Answers


def test_a_body_is_sent_and_the_answer_kept_whatever_its_status(web: Web) -> None:
    web.ways["/hook"] = lambda handler, _: send(handler, 500, {"X-Why": "broken"}, b"no")
    answer = get(web.url("/hook"), method="POST", content=b"{}", headers={"X-Signature": "abc"})
    assert (answer.status, answer.headers["x-why"], answer.content) == (500, "broken", b"no")
    assert (web.body, web.headers["x-signature"]) == (b"{}", "abc")
    assert not answer.is_ok


def test_a_stream_without_end_is_cut_at_the_bound(web: Web) -> None:
    web.ways["/stream"] = endless
    answer = get(web.url("/stream"))
    assert (answer.size, len(answer.content), answer.is_cut) == (100_000, 100_000, True)
    taken: list[bytes] = []
    with pytest.raises(TooLarge, match="longer than"):
        get(web.url("/stream"), sink=taken.append)
    assert sum(map(len, taken)) == 100_000


def test_a_length_that_is_told_to_be_too_large_is_not_even_begun(web: Web) -> None:
    web.files["/big"] = b"x" * 200_000
    taken: list[bytes] = []
    with pytest.raises(TooLarge):
        get(web.url("/big"), sink=taken.append)
    assert taken == []


def test_what_was_packed_unasked_is_counted_as_it_unpacks(web: Web) -> None:
    web.ways["/bomb"] = packed(50_000_000)
    web.ways["/small"] = packed(90_000)
    answer = get(web.url("/bomb"))
    assert (answer.size, answer.is_cut) == (100_000, True)
    assert get(web.url("/small")).content == b"\0" * 90_000
    assert web.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("way", [dripping, silent])
def test_an_answer_that_takes_too_long_ends_at_its_time(web: Web, way: Any) -> None:
    web.ways["/slow"] = way
    with pytest.raises(NoAnswer, match="in time"):
        get(web.url("/slow"), total_s=0.3)


def test_whoever_waits_can_give_up(web: Web) -> None:
    class GivenUp(Exception):
        pass

    def tick() -> None:
        if web.asked:
            raise GivenUp

    web.ways["/silent"] = silent
    with pytest.raises(GivenUp):
        get(web.url("/silent"), tick=tick)


def test_nobody_there_is_told_without_the_path(web: Web) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NoAnswer, match=f"127.0.0.1:{port}") as told:
        get(f"http://127.0.0.1:{port}/token-in-path?secret=1")
    assert "secret" not in str(told.value)
    assert "token" not in str(told.value)


# Redirects


def test_a_redirect_is_followed_and_each_counts(web: Web) -> None:
    web.ways["/a"], web.ways["/b"] = redirect("/b"), redirect(web.url("/c"))
    web.files["/c"] = b"there"
    answer = get(web.url("/a"), redirects=2)
    assert (answer.content, answer.url) == (b"there", web.url("/c"))
    assert answer.redirected_from == (web.url("/a"), web.url("/b"))
    with pytest.raises(Refused, match="More than 1 redirect"):
        get(web.url("/a"), redirects=1)
    assert get(web.url("/a"), redirects=0).status == 302


@pytest.mark.parametrize(
    "to", ["http://localhost:80/", "http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd"]
)
def test_a_redirect_is_checked_as_any_other_address(web: Web, to: str) -> None:
    web.ways["/a"] = redirect(to)
    with pytest.raises(Refused, match="redirects"):
        get(web.url("/a"))
    assert web.asked == ["GET /a"]


def test_another_host_gets_no_secrets_and_no_body_that_was_not_meant_for_it(web: Web) -> None:
    there = web.url("/b", host="localhost")
    web.ways["/a"], web.ways["/same"] = redirect(there), redirect("/b", 307)
    web.files["/b"] = b""
    headers = {"Authorization": "Bearer secret", "X-Key": "secret", "User-Agent": "tuner"}
    sent = {"method": "POST", "content": b"{}", "headers": headers}
    get(web.url("/a"), allowed_hosts=[*OWN, "localhost"], **sent)
    assert web.asked[-1] == "GET /b"
    assert "secret" not in str(web.headers)
    assert web.headers["user-agent"] == "tuner"
    get(web.url("/same"), **sent)
    assert web.asked[-1] == "POST /b"
    assert web.headers["x-key"] == "secret"


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the name `tls.example`."""
    folder = tmp_path_factory.mktemp("tls")
    key, plain = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=tls.example", "-addext",
         "subjectAltName=DNS:tls.example", "-keyout", str(key), "-out", str(plain)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + plain.read_bytes())
    return both


def test_a_certificate_is_held_against_the_name_not_the_number(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, *[["127.0.0.1"]] * 3)
    with web_server(certificate) as web:
        web.files["/"] = b"safe"
        url, names = web.url("/", "tls.example"), ["tls.example", "other.example"]
        assert get(url, allowed_hosts=names, ca_bundle=certificate).content == b"safe"
        with pytest.raises(NoAnswer, match="certificate"):
            get(url, allowed_hosts=names)
        with pytest.raises(NoAnswer, match="certificate"):
            get(web.url("/", "other.example"), allowed_hosts=names, ca_bundle=certificate)


# Proxies


def test_a_request_goes_through_the_sites_proxy_which_is_told_the_name(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch)
    url = "http://only-the-proxy-knows.example/x"
    web.files[url] = b"by proxy"
    proxies = Proxies(http=f"http://user:pass@127.0.0.1:{web.port}")
    assert get(url, proxies=proxies).content == b"by proxy"
    assert web.asked == [f"GET {url}"]
    assert web.headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://localhost/", "http://10.0.0.1"])
def test_a_proxy_is_no_way_inside(web: Web, url: str) -> None:
    with pytest.raises(Refused):
        get(url, proxies=Proxies(http=web.url("")))
    assert web.asked == []


@pytest.mark.parametrize("unknown", ["http://metadata.internal/", "http://intranet/"])
def test_names_of_inner_networks_are_not_left_to_the_proxy(web: Web, unknown: str) -> None:
    with pytest.raises(NoAnswer):
        get(unknown, proxies=Proxies(http=web.url("")))
    assert web.asked == []


@pytest.mark.parametrize(
    ("no_proxy", "is_direct"),
    [("", False), ("*", True), ("a.example", True), (".example", True), ("example", True),
     ("a.example:80", True), ("a.example:81", False), ("b.example, xa.example", False)],
)  # fmt: skip
def test_no_proxy_names_who_is_asked_directly(no_proxy: str, *, is_direct: bool) -> None:
    target = check("http://1.1.1.1", allowed_hosts=())
    target = type(target)(httpx.URL("http://a.example/"), ())
    assert (Proxies("http://p", "", no_proxy).for_(target) == "") is is_direct
