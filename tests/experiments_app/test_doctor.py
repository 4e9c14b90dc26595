import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from experiments_app import doctor
from experiments_app.doctor import Verdict

pytestmark = pytest.mark.django_db


def test_every_check_gives_a_finding() -> None:
    findings = {finding.name: finding for finding in doctor.examine()}
    assert set(findings) == set(doctor.CHECKS)
    for name in ("python", "home", "genai-bench", "ports", "database"):
        assert findings[name].verdict is Verdict.OK, findings[name]


def test_whatever_is_not_well_says_how_to_mend_it() -> None:
    for finding in doctor.examine():
        assert finding.verdict is Verdict.OK or finding.remedy, finding


def test_a_full_port_range_is_a_fault(settings: Any) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        settings.PORT_RANGE = (port, port)
        verdict, message, remedy = doctor.check_ports()
    assert verdict is Verdict.FAULT
    assert message.startswith("0 of 1 ports")
    assert "PORT_RANGE" in remedy


def test_a_genai_bench_path_that_leads_nowhere_is_a_fault(settings: Any, tmp_path: Path) -> None:
    settings.GENAI_BENCH_PATH = tmp_path / "missing"
    assert doctor.check_genai_bench()[0] is Verdict.FAULT


def test_a_broken_runtime_file_is_told() -> None:
    from django.conf import settings

    broken = settings.HOME.runtimes / "broken.yaml"
    broken.write_text("name: other\n")
    try:
        verdict, message, _ = doctor.check_runtimes()
    finally:
        broken.unlink()
    assert verdict is Verdict.WARNING
    assert "broken.yaml" in message


def test_the_proxys_password_is_masked(settings: Any) -> None:
    settings.HTTPS_PROXY = "http://user:hunter2@proxy:3128"
    assert "hunter2" not in doctor.check_proxy()[1]
    assert "user:***@proxy" in doctor.check_proxy()[1]


def test_a_check_that_breaks_is_itself_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> Any:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(doctor, "CHECKS", {"odd": breaks, "python": doctor.check_python})
    odd, python = doctor.examine()
    assert odd.verdict is Verdict.FAULT
    assert "oops" in odd.message
    assert python.verdict is Verdict.OK
