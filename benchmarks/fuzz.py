"""Send made-up input to every page, form, import and address, and count what is answered.

    nice -n 19 .venv/bin/python -m benchmarks.fuzz [--examples 10000]

The tests of `tests/test_bad_input.py` with more examples than the test run has. One that breaks a
page, takes over 2 s of processor time, or is refused and yet writes, is shown and ends the run with
1. Always the same examples: what was found is found again.
"""

import argparse
import json
import os
import sys
import time

import pytest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=10_000)
    examples = parser.parse_args().examples
    os.environ["AUTOTUNER_FUZZ"] = str(examples)
    begun = time.monotonic()
    which = "no_query or no_field or no_file_breaks_an_import or no_address"
    code = pytest.main(["-q", "-p", "no:cacheprovider", "tests/test_bad_input.py", "-k", which])
    from tests.attacker import ANSWERS, SLOWEST_S

    found = {
        "examples": examples,
        "answers": {str(status): count for status, count in sorted(ANSWERS.items())},
        "broken": sum(count for status, count in ANSWERS.items() if status >= 500),
        "limit_s": SLOWEST_S,
        "passed": code == 0,
        "took_s": round(time.monotonic() - begun, 1),
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return int(code != 0)


if __name__ == "__main__":
    sys.exit(main())
