"""Send made-up calls to the API of a running site, and count what is answered.

    nice -n 19 .venv/bin/python -m benchmarks.api_fuzz [--calls 10000] [--first-round 0]
        [--only PATTERN]

Starts the site's web server on a database of its own with some tasks in it, without the limits of
`API_CALLS_PER_MINUTE`. schemathesis makes the calls from the site's OpenAPI document, half of them
as it allows, half as it does not, with the rights of an operator. Each answer must be one that is
documented for its call, in its shape; what is not so is printed, and ends the run with 1.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

_home = tempfile.TemporaryDirectory(prefix="autotuner-api-fuzz-")
os.environ["AUTOTUNER_HOME"] = _home.name
os.environ["DJANGO_SETTINGS_MODULE"] = "autotuner_site.settings"
os.environ["DOCKER_HOST"] = f"unix://{_home.name}/no-docker.sock"
os.environ["HF_HUB_OFFLINE"] = "true"
os.environ["API_CALLS_PER_MINUTE"] = "0"  # any number: it is all one account's
os.environ["API_FAILED_SIGN_INS_PER_MINUTE"] = "0"

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from autotuner_site.roles import Role, give_role  # noqa: E402
from autotuner_site.tokens import make_token  # noqa: E402
from benchmarks.many_rows import fill  # noqa: E402
from benchmarks.web_server import web_server  # noqa: E402
from experiments_app.models import Experiment  # noqa: E402
from tests.experiments_app.api.fuzzing import Found, fuzz  # noqa: E402

EXAMPLES = 8
"""Of each operation in a round, as allowed, and as many that are not."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--only", default="", help="operations whose method and path match")
    parser.add_argument("--first-round", type=int, default=0, help="others make up other calls")
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    user = User.objects.create_user("fuzz")
    give_role(user, Role.OPERATOR)
    tasks = fill(40, 6, owner=user)
    token = make_token(user, "fuzz").secret
    known = {
        "task_id": [task.pk for task in tasks],
        "experiment_id": list(Experiment.objects.values_list("pk", flat=True)[:100]),
    }
    begun = time.monotonic()
    with web_server(Path(_home.name) / "web.log") as (site, _):
        found = Found()
        round_ = asked.first_round
        while found.calls < asked.calls:
            found.add(fuzz(site, token, EXAMPLES, known, round_=round_, only=asked.only))
            round_ += 1
            print(f"round {round_}: {found.by_status()}, {len(found.faults)} faults", flush=True)
    told = {
        "calls": found.calls,
        "operations": len({name for name, _ in found.answers}),
        "answers": {str(status): count for status, count in found.by_status().items()},
        "faults": len(found.faults),
        "took_s": round(time.monotonic() - begun, 1),
    }
    sys.stdout.write("\n".join([*found.faults[:50], json.dumps(told, indent=2)]) + "\n")
    return int(bool(found.faults))


if __name__ == "__main__":
    sys.exit(main())
