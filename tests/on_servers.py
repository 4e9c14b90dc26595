"""The tests of state, concurrency, recovery and pages once more, on PostgreSQL and Redis.

    .venv/bin/python -m tests.on_servers [ARGUMENTS OF PYTEST]

Unless tests are named it runs those below. Both servers are the tests' own and gone at the end.
"""

import os
import subprocess
import sys
from contextlib import ExitStack

from tests.services import NO_SKIP, Missing, PostgreSQL, Redis

TESTS = (
    "tests/autotuner_site/test_first_admin.py",
    "tests/autotuner_site/test_views.py",
    "tests/experiments_app/notifications/test_deliver.py",
    "tests/experiments_app/notifications/test_outbox.py",
    "tests/experiments_app/notifications/test_sender.py",
    "tests/experiments_app/test_leases.py",
    "tests/experiments_app/test_lifecycle.py",
    "tests/experiments_app/test_provenance.py",
    "tests/experiments_app/test_reaper.py",
    "tests/experiments_app/test_requeue.py",
    "tests/experiments_app/test_scheduler.py",
    "tests/experiments_app/test_site_settings.py",
    "tests/experiments_app/test_task_order.py",
    "tests/tasks_app/test_bulk.py",
    "tests/tasks_app/test_json_columns.py",
    "tests/tasks_app/test_life.py",
    "tests/tasks_app/test_list_filter.py",
    "tests/tasks_app/test_models.py",
    "tests/tasks_app/test_sealed.py",
    "tests/tasks_app/test_form_views.py",
    "tests/tasks_app/test_task_page.py",
    "tests/tasks_app/test_views.py",
    "tests/test_every_url.py",
    "tests/test_query_counts.py",
)


def main(arguments: list[str]) -> int:
    names_tests = any(argument.startswith("tests/") for argument in arguments)
    with ExitStack() as stack:
        try:
            database = PostgreSQL()
            stack.callback(database.close)
            queue = Redis()
            stack.callback(queue.close)
            database.start()
            queue.start()
        except Missing as error:
            print(f"not run on PostgreSQL and Redis: {error}", file=sys.stderr)
            return 1 if NO_SKIP else 0
        return subprocess.call(
            [sys.executable, "-m", "pytest", *arguments, *(() if names_tests else TESTS)],
            env={
                **os.environ,
                "TEST_DATABASE_URL": database.url(),
                "TEST_REDIS_URL": queue.url,
            },
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
