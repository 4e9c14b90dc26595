import subprocess
import sys

PROGRAM = """
import signal, subprocess
from experiments_app.parent_death import let_children_end_on_sigterm

signal.signal(signal.SIGTERM, signal.SIG_IGN)
let_children_end_on_sigterm()
child = subprocess.Popen(["sleep", "60"])
child.terminate()
print(child.wait(timeout=60))
signal.raise_signal(signal.SIGTERM)
print("still here")
"""


def test_what_a_worker_starts_ends_on_a_sigterm_that_the_worker_itself_ignores() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split("\n") == ["-15", "still here", ""]
