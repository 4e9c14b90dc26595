"""Why a tokenizer did not come, told apart: the hub, a proxy, the network, this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from experiments_app.hub import HubError, HubErrorKind, fetch_tokenizer
from tests.experiments_app.hub.conftest import REPO, TOKEN
from tests.hub_server import TOKENIZER, Hub, hub_server


def failure(environment: dict[str, str], name: str = REPO, limit_s: float = 30) -> HubError:
    with pytest.raises(HubError) as raised:
        fetch_tokenizer(name, environment, limit_s=limit_s)
    return raised.value


def test_it_tells_a_gated_model(hub: Hub, environment: dict[str, str]) -> None:
    """Its pages are open to all, only its files are not."""
    hub.files_answer_with = (401, {"X-Error-Code": "GatedRepo"})
    error = failure(environment)
    assert error.kind is HubErrorKind.GATED
    assert f"Ask for it on {hub.endpoint}/{REPO} and set HF_TOKEN" in error.message


def test_it_tells_a_gated_model_that_a_token_does_not_open(
    hub: Hub, environment: dict[str, str]
) -> None:
    hub.files_answer_with = (403, {"X-Error-Code": "GatedRepo"})
    error = failure({**environment, "HF_TOKEN": TOKEN})
    assert error.kind is HubErrorKind.GATED
    assert "with the account of HF_TOKEN" in error.message


def test_it_tells_a_token_without_the_right(hub: Hub, environment: dict[str, str]) -> None:
    hub.answer_with = (403, {"X-Error-Message": "Fine-grained tokens need a permission."})
    error = failure({**environment, "HF_TOKEN": TOKEN})
    assert error.kind is HubErrorKind.GATED
    assert "Fine-grained tokens need a permission" in error.message


def test_it_tells_a_token_that_is_not_valid(hub: Hub, environment: dict[str, str]) -> None:
    hub.token = "another"
    error = failure({**environment, "HF_TOKEN": TOKEN})
    assert error.kind is HubErrorKind.UNAUTHORIZED
    assert "does not accept the token" in error.message
    assert TOKEN not in error.message


def test_it_tells_a_missing_token(hub: Hub, environment: dict[str, str]) -> None:
    hub.answer_with = (401, {"X-Error-Code": "RepoNotFound"})
    error = failure(environment)
    assert error.kind is HubErrorKind.UNAUTHORIZED
    assert "to nobody without a token" in error.message


def test_it_tells_a_model_that_is_not_there(hub: Hub, environment: dict[str, str]) -> None:
    error = failure(environment, "meta-llama/Lama")
    assert error.kind is HubErrorKind.NOT_FOUND
    assert f"meta-llama/Lama is not on 127.0.0.1:{hub.port} (404)" in error.message


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Retry-After": "90"}, "Try again in 90 s"),
        ({"RateLimit": '"api";r=0;t=55'}, "Try again in 55 s"),
        ({}, "Try again in some minutes"),
    ],
)
def test_it_tells_a_rate_limit_and_does_not_wait_for_it(
    hub: Hub, environment: dict[str, str], headers: dict[str, str], words: str
) -> None:
    hub.files_answer_with = (429, headers)
    error = failure(environment)
    assert error.kind is HubErrorKind.RATE_LIMITED
    assert words in error.message


def test_it_tells_a_hub_that_is_down(hub: Hub, environment: dict[str, str]) -> None:
    hub.answer_with = (503, {})
    error = failure(environment)
    assert error.kind is HubErrorKind.OTHER
    assert "answers 503" in error.message


def test_it_tells_a_page_that_is_not_the_hub(hub: Hub, environment: dict[str, str]) -> None:
    hub.page = b"<html>Sign in to this network</html>"
    error = failure(environment)
    assert error.kind is HubErrorKind.OTHER
    assert "is not the hub" in error.message


def test_it_tells_a_model_without_a_tokenizer(hub: Hub, environment: dict[str, str]) -> None:
    hub.files[REPO] = {"config.json": b"{}", "model.safetensors": b"weights"}
    error = failure(environment)
    assert error.kind is HubErrorKind.NO_TOKENIZER
    assert "has no tokenizer among its files" in error.message


def test_it_tells_a_tokenizer_that_came_broken(hub: Hub, environment: dict[str, str]) -> None:
    hub.files[REPO] = {**TOKENIZER, "tokenizer.json": b"version https://git-lfs.github.com/spec/v1"}
    error = failure(environment)
    assert error.kind is HubErrorKind.NO_TOKENIZER
    assert "tokenizer.json is broken" in error.message


def test_offline_it_tells_what_is_missing(hub: Hub, environment: dict[str, str]) -> None:
    error = failure({**environment, "HF_HUB_OFFLINE": "1"})
    assert error.kind is HubErrorKind.OFFLINE_MISSING
    assert REPO in error.message
    assert hub.asked == []


# ── The way to it ───────────────────────────────────────────────────────────────────────────────


def test_it_tells_a_name_that_is_not_known(environment: dict[str, str]) -> None:
    error = failure({**environment, "HF_ENDPOINT": "http://no-such-host.invalid"})
    assert error.kind is HubErrorKind.NETWORK_UNREACHABLE
    assert "its name is not known here" in error.message


def test_it_tells_a_refused_connection(environment: dict[str, str], port: int) -> None:
    error = failure({**environment, "HF_ENDPOINT": f"http://127.0.0.1:{port}"})
    assert error.kind is HubErrorKind.NETWORK_UNREACHABLE
    assert "it refuses connections" in error.message


def test_it_tells_a_connection_that_breaks_off(hub: Hub, environment: dict[str, str]) -> None:
    hub.resets = True
    error = failure(environment)
    assert error.kind is HubErrorKind.NETWORK_UNREACHABLE
    assert "was broken off" in error.message


def test_it_tells_a_hub_that_says_nothing(hub: Hub, environment: dict[str, str]) -> None:
    hub.hangs = True
    error = failure(environment, limit_s=5)
    assert error.kind is HubErrorKind.TIME_OUT
    assert "then said nothing" in error.message


def test_it_has_a_limit_for_all_of_it(hub: Hub, environment: dict[str, str]) -> None:
    hub.trickles = True
    started = time.monotonic()
    error = failure(environment, limit_s=2)
    assert error.kind is HubErrorKind.TIME_OUT
    assert "within 2 s" in error.message
    assert time.monotonic() - started < 10


@pytest.fixture
def proxied(hub: Hub, environment: dict[str, str]) -> Iterator[tuple[Hub, dict[str, str]]]:
    with hub_server() as proxy:
        address = f"http://user:pass-word@127.0.0.1:{proxy.port}"
        yield (
            proxy,
            {**environment, "HF_ENDPOINT": "https://hub.example", "HTTPS_PROXY": address},
        )


@pytest.mark.parametrize(
    ("status", "words"), [(407, "Write user and password"), (502, "Ask whoever runs it")]
)
def test_it_tells_a_proxy_that_refuses(
    proxied: tuple[Hub, dict[str, str]], status: int, words: str
) -> None:
    proxy, environment = proxied
    proxy.answer_with = (status, {})
    error = failure(environment)
    assert error.kind is HubErrorKind.PROXY_REFUSED
    assert f"refuses ({status}" in error.message
    assert words in error.message
    assert "pass-word" not in error.message
    assert any(line.startswith("CONNECT") for line in proxy.asked)


def test_it_tells_a_proxy_that_refuses_in_plain_http(
    proxied: tuple[Hub, dict[str, str]],
) -> None:
    proxy, environment = proxied
    proxy.answer_with = (407, {})
    address = environment["HTTPS_PROXY"]
    error = failure({**environment, "HF_ENDPOINT": "http://hub.example", "HTTP_PROXY": address})
    assert error.kind is HubErrorKind.PROXY_REFUSED
    assert "Write user and password" in error.message


def test_it_tells_a_proxy_that_is_not_there(environment: dict[str, str], port: int) -> None:
    proxy = f"http://127.0.0.1:{port}"
    error = failure({**environment, "HF_ENDPOINT": "https://hub.example", "HTTPS_PROXY": proxy})
    assert error.kind is HubErrorKind.PROXY_REFUSED
    assert f"the proxy {proxy} cannot be reached" in error.message


def test_it_goes_past_the_proxy_where_no_proxy_says_so(
    proxied: tuple[Hub, dict[str, str]], hub: Hub
) -> None:
    proxy, environment = proxied
    address = environment["HTTPS_PROXY"]
    direct = {"HF_ENDPOINT": hub.endpoint, "HTTP_PROXY": address, "NO_PROXY": "127.0.0.1"}
    fetch_tokenizer(REPO, {**environment, **direct})
    assert proxy.asked == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its own certificate for 127.0.0.1, in one file."""
    import ipaddress
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(pem))
    return path


@pytest.fixture
def tls_hub(certificate: Path) -> Iterator[Hub]:
    with hub_server(certificate) as found:
        found.files[REPO] = TOKENIZER
        yield found


def test_it_tells_a_certificate_that_is_not_trusted(
    tls_hub: Hub, environment: dict[str, str]
) -> None:
    error = failure({**environment, "HF_ENDPOINT": f"https://127.0.0.1:{tls_hub.port}"})
    assert error.kind is HubErrorKind.TLS
    assert "set CA_BUNDLE" in error.message


def test_it_trusts_the_bundle_of_the_site(
    tls_hub: Hub, environment: dict[str, str], certificate: Path
) -> None:
    trust = {"HF_ENDPOINT": f"https://127.0.0.1:{tls_hub.port}", "SSL_CERT_FILE": str(certificate)}
    assert fetch_tokenizer(REPO, {**environment, **trust}).is_dir()


def test_it_tells_a_cache_that_cannot_be_written(
    hub: Hub, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    error = failure({**environment, "HF_HOME": str(tmp_path / "file")})
    assert error.kind is HubErrorKind.OTHER
    assert "set HF_HOME to another folder" in error.message


def test_it_tells_a_full_disk(hub: Hub, environment: dict[str, str]) -> None:
    """No disk can be filled here, so the download is replaced by what a full one raises."""
    code = (
        "import json, sys, errno, experiments_app.hub_client as client\n"
        "def full(_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "client.ACTIONS['tokenizer'] = full\n"
        "client.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({"action": "tokenizer", "name": REPO}).encode(),
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["kind"] == HubErrorKind.DISK_FULL
    assert "no space is left in" in answer["message"]


def test_it_tells_a_client_that_was_killed(hub: Hub, environment: dict[str, str]) -> None:
    hub.hangs = True

    def check() -> None:
        if hub.asked:
            for child in psutil.Process().children():
                child.send_signal(signal.SIGKILL)

    with pytest.raises(HubError, match="ended with exit code -9 and no answer"):
        fetch_tokenizer(REPO, environment, check=check)
