"""Settings: read from any directory, refused where they are wrong, documented where they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"(?:env\.\w+|_paths?|_seconds|_amount|_count|_at_least|_token)\(\s*\"([A-Z_]+)\""
)


def names_read() -> set[str]:
    source = (PROJECT_ROOT / "autotuner_site" / "settings.py").read_text()
    return set(READ.findall(source))


def evaluate(expression: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`expression` of the settings, in a process of its own."""
    program = f"from autotuner_site import settings; print({expression})"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_setting_stands_in_the_example_file_and_in_the_readme() -> None:
    example = (PROJECT_ROOT / ".env.example").read_text()
    named = set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE))
    table = (PROJECT_ROOT / "README.md").read_text().partition("## Settings")[2]
    table = table.partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    assert named == names_read()
    assert documented == names_read()


def test_no_path_depends_on_the_working_directory(tmp_path: Path) -> None:
    for cwd in (tmp_path, PROJECT_ROOT):
        done = evaluate(
            "settings.GENAI_BENCH_PATH, settings.DATABASE_PATH", cwd, GENAI_BENCH_PATH="env/bench"
        )
        assert done.returncode == 0, done.stderr
        assert str(PROJECT_ROOT / "env" / "bench") in done.stdout
        assert f"{os.environ['AUTOTUNER_HOME']}/autotuner.db" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("PORT_RANGE", "8000", "8000-8100"),
        ("PORT_RANGE", "9000-8000", "the lower first"),
        ("DEPLOYMENT_MODE", "kubernetes", "docker or local"),
        ("SECRET_KEY", "hunter2", "50 random characters or more"),
        ("SECRET_KEY", "a" * 60, "50 random characters or more"),
        ("SESSION_HOURS", "0", "1 or more"),
        ("PROXY_COUNT", "-1", "0 or more"),
        ("METRICS_TOKEN", "short", "openssl rand"),
        ("LOG_FORMAT", "xml", "text or json"),
        ("DATABASE_URL", "mysql://db/x", "postgres://"),
        ("REDIS_URL", "http://localhost", "leave it empty"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_would_be_right(
    tmp_path: Path, name: str, value: str, hint: str
) -> None:
    done = evaluate("1", tmp_path, **{name: value})
    assert done.returncode != 0
    assert name in done.stderr
    assert hint in done.stderr


def test_the_secret_key_is_never_a_default(tmp_path: Path) -> None:
    keys = {
        evaluate("settings.SECRET_KEY", tmp_path, AUTOTUNER_HOME=str(tmp_path / name)).stdout
        for name in ("one", "two")
    }
    assert len(keys) == 2
    assert all(len(key.strip()) == 50 for key in keys)
