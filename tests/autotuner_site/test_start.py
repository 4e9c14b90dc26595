"""What a process of the site has done once all is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]
TELL = "import gc; print('garbage:', gc.isenabled(), gc.get_freeze_count() > 100_000)"


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "shell", "--verbosity=0", "-c", TELL),
        ("-c", f"import autotuner_site.wsgi; {TELL}"),
    ],
    ids=["a command", "the web server"],
)
def test_it_looks_for_garbage_again_but_for_what_is_imported(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT_ROOT,
        env={
            **os.environ,
            "AUTOTUNER_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "autotuner_site.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "garbage: True True" in done.stdout, done.stderr
