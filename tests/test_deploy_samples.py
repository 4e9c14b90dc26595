"""The samples of docs/deploy: what they are for can read them."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DEPLOY = PROJECT_ROOT / "docs" / "deploy"
PORT = "127.0.0.1:8765"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "autotuner.service")
    return parser


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """Its user, paths and program are not here, which is all that it may say."""
    program = shutil.which("systemd-analyze")
    if program is None:
        assert {"Unit", "Service", "Install"} <= set(unit().sections())
        return
    text = (DEPLOY / "autotuner.service").read_text()
    text = re.sub(r"^(Exec\w+)=\S+", rf"\1={shutil.which('true')}", text, flags=re.MULTILINE)
    file = tmp_path / "autotuner.service"
    file.write_text(text)
    done = subprocess.run(
        [program, "verify", "--man=no", str(file)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "autotuner.service" in line]
    assert not complaints


@pytest.mark.parametrize(
    "key", ["NoNewPrivileges", "PrivateTmp", "ProtectKernelModules", "RestrictSUIDSGID"]
)
def test_the_unit_takes_from_the_site_what_it_does_not_need(key: str) -> None:
    assert unit()["Service"][key] == "yes"
    assert unit()["Service"]["ProtectSystem"] == "strict"


def test_the_unit_starts_the_site_on_loopback_as_a_user_of_its_own() -> None:
    service = unit()["Service"]
    assert service["ExecStart"].endswith(f"manage.py serve --bind {PORT}")
    assert service["User"] not in {"", "root"}


def test_both_proxies_lead_to_the_site_and_say_how_it_was_asked() -> None:
    nginx = (DEPLOY / "nginx.conf").read_text()
    assert nginx.count("{") == nginx.count("}")
    assert f"proxy_pass http://{PORT};" in nginx
    for header in ("Host $host", "X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
        assert f"proxy_set_header {header};" in nginx
    caddy = (DEPLOY / "Caddyfile").read_text()
    assert caddy.count("{") == caddy.count("}")
    assert f"reverse_proxy {PORT}" in caddy


def test_the_compose_file_gives_the_socket_to_its_proxy_alone_and_that_to_loopback() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    holders = [
        name
        for name, service in services.items()
        if any("docker.sock" in volume for volume in service.get("volumes", ()))
    ]
    assert holders == ["socket-proxy"]
    assert all(port.startswith("127.0.0.1:") for port in services["socket-proxy"]["ports"])
    assert services["socket-proxy"]["environment"]["EXEC"] == 0
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True


def test_every_file_that_security_names_is_there() -> None:
    text = (PROJECT_ROOT / "SECURITY.md").read_text()
    names = re.findall(r"\]\((docs/[^)#]+)", text)
    assert names
    assert all((PROJECT_ROOT / name).exists() for name in names)


def test_every_variable_that_the_samples_set_is_a_setting() -> None:
    known = set(re.findall(r"^# ([A-Z_]+)=", (PROJECT_ROOT / ".env.example").read_text(), re.M))
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    named = set(services["autotuner"]["environment"]) - {"DOCKER_HOST"}
    for text in ((DEPLOY / name).read_text() for name in ("nginx.conf", "Caddyfile")):
        named |= set(re.findall(r"\b([A-Z]+_[A-Z_]+)=", text))
    assert named <= known


def test_the_alerts_of_prometheus_name_figures_that_there_are() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"][0]["rules"]
    named = {name for rule in rules for name in re.findall(r"autotuner_\w+", rule["expr"])}
    source = (PROJECT_ROOT / "experiments_app" / "monitoring" / "figures.py").read_text()
    assert named
    assert named <= set(re.findall(r'"(autotuner_\w+)"', source))
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["metrics_path"] == "/metrics"
