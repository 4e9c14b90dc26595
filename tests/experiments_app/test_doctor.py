import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autotuner_site.sealing import KEY_NAME
from experiments_app import doctor, gpus
from experiments_app.gpu_processes import GpuProcess
from experiments_app.site_settings import store
from experiments_app.system import docker_state
from experiments_app.system.outcome import Verdict

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


def test_no_docker_engine_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    verdict, message, remedy = docker_state.check_docker()
    assert verdict is Verdict.WARNING
    assert "there is no Docker engine at" in message
    assert "install and start Docker" in remedy


def test_settings_whose_key_is_lost_are_told(settings: Any) -> None:
    store("NO_PROXY", "intranet.example")
    (settings.HOME.root / KEY_NAME).unlink()
    verdict, message, _ = doctor.check_settings()
    assert verdict is Verdict.WARNING
    assert message.startswith("NO_PROXY")


def test_certificates_that_are_none_are_a_fault(settings: Any, tmp_path: Path) -> None:
    settings.CA_BUNDLE = tmp_path / "gone.pem"
    verdict, message, _ = doctor.check_settings()
    assert verdict is Verdict.FAULT
    assert "gone.pem" in message


def test_gpus_are_told_with_who_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is not here: what NVML would say."""
    process = GpuProcess(4711, "python3", "carol", 20 << 30)
    gpu = gpus.Gpu("GPU-1a2b", 0, "H100", 80 << 30, 20 << 30, 73, 411.0, (process,))
    monkeypatch.setattr(doctor, "survey", lambda: gpus.GpuSurvey((gpu,), "570.1"))
    verdict, message, _ = doctor.check_gpus()
    assert verdict is Verdict.OK
    assert "driver 570.1: GPU 0 H100, 20.0 GiB of 80.0 GiB in use by python3" in message


def test_a_check_that_breaks_is_itself_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> Any:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(doctor, "CHECKS", {"odd": breaks, "python": doctor.check_python})
    odd, python = doctor.examine()
    assert odd.verdict is Verdict.FAULT
    assert "oops" in odd.message
    assert python.verdict is Verdict.OK
