"""The check for known vulnerabilities: a finding is fatal unless it is written down why not."""

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "audit"


@pytest.fixture(scope="module")
def audit() -> Any:
    loader = SourceFileLoader("ci_audit", str(SCRIPT))
    spec = importlib.util.spec_from_loader("ci_audit", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


FINDING = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.0"]}
FOUND = [{"dependencies": [{"name": "x", "version": "1.0", "vulns": [FINDING]}]}]


def test_a_finding_is_fatal_and_says_what_mends_it(
    audit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.judge(FOUND, {}) == 1
    assert "x 1.0: PYSEC-1, mended in 2.0" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-2026-1"])
def test_one_that_is_written_down_is_not(
    name: str, audit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.judge(FOUND, {name: "we never call it"}) == 0
    assert "we never call it" in capsys.readouterr().out


def test_what_the_index_says_nothing_of_is_no_all_clear(
    audit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = [{"dependencies": [{"name": "x", "skip_reason": "not found"}]}]
    assert audit.judge(report, {}) == 0
    told = capsys.readouterr().out
    assert "0 of 1 audited" in told
    assert "NO ALL-CLEAR for 1" in told
    assert told.rstrip().endswith("  x")


def test_a_lock_that_nobody_could_be_asked_of_is_named(
    audit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clear = {"dependencies": [{"name": "x", "version": "1.0", "vulns": []}]}
    answers = {audit.LOCKS[0]: clear}
    monkeypatch.setattr(audit, "ask", answers.get)
    monkeypatch.setattr("sys.argv", ["audit"])
    assert audit.main() == 0
    told = capsys.readouterr().out
    assert f"{audit.LOCKS[1]}: NOT audited" in told
    assert "1 of 1 audited" in told


def test_each_line_of_the_list_has_a_reason(audit: Any) -> None:
    assert all(audit.ignored().values())
