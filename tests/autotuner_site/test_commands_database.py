from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection

from autotuner_site.commands import prepare_database
from tests.experiments_app.specs import task_data
from tests.settings import FIRST_PORT
from tests.system.site import Site


def test_a_command_makes_the_tables_of_a_new_home_itself(tmp_path: Path) -> None:
    site = Site(tmp_path / "home", f"{FIRST_PORT + 400}-{FIRST_PORT + 499}")
    done = site.manage("validate", str(site.write_task(task_data())), "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.django_db
def test_a_database_of_an_earlier_version_is_told_of_and_left_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id IN"
            " (SELECT MAX(id) FROM django_migrations WHERE app = 'tasks_app')"
        )
    with pytest.raises(CommandError, match=r"earlier version.*manage.py migrate"):
        prepare_database()
