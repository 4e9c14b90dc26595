"""Secrets of tasks and of the site, as they lie in the database: encrypted, and readable again."""

import importlib
import json
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client

from autotuner_site import sealing
from experiments_app import lifecycle
from experiments_app.launch_plan import launch_problems
from experiments_app.models import SiteSetting
from experiments_app.site_settings import store, value_of
from tasks_app.masking import MASK
from tasks_app.models import Run, Task, TaskVersion
from tasks_app.problems import SpecError
from tests import factories

pytestmark = pytest.mark.django_db
SECRETS: dict[str, Any] = {
    "environment": {"MY_API_KEY": "key-sesame", "PLAIN": "plain-sesame"},
    "access": {"hub_token": "hf_sesame_of_the_task", "http_proxy": "http://ada:sesame@proxy:3128"},
}


def raw(table: str, column: str) -> list[str]:
    """What really stands in the column."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        return [str(value) for (value,) in cursor.fetchall()]


def all_raw() -> str:
    columns = [
        ("tasks_app_task", "environment"),
        ("tasks_app_task", "access"),
        ("tasks_app_run", "spec"),
        ("tasks_app_taskversion", "spec"),
    ]
    return "\n".join(text for place in columns for text in raw(*place))


def lose_the_key() -> None:
    (settings.HOME.root / sealing.KEY_NAME).unlink()


@pytest.fixture
def task() -> Task:
    task = factories.make_task(**SECRETS)
    task.start()
    task.cancel()
    return task


def test_no_table_holds_a_variable_or_a_token_in_clear(task: Task) -> None:
    assert "sesame" not in all_raw()
    assert all_raw().count(sealing.PREFIX) == 3 * 4  # of the task, its run and its version


def test_what_is_read_is_what_was_written(task: Task) -> None:
    for spec in (
        Task.objects.get().spec_data(),
        Run.objects.get().spec,
        TaskVersion.objects.get().spec,
        Task.objects.values("environment", "access").get(),
    ):
        assert spec["environment"] == SECRETS["environment"]
        assert spec["access"]["hub_token"] == SECRETS["access"]["hub_token"]


def test_the_rest_of_a_task_file_is_kept_as_it_is(task: Task) -> None:
    stored = json.loads(raw("tasks_app_run", "spec")[0])
    assert stored["parameters"] == task.parameters


def test_a_new_key_encrypts_all_of_it_anew_and_the_old_one_is_not_needed(task: Task) -> None:
    store("HF_TOKEN", "hf_sesame_of_the_site")
    before = all_raw()
    call_command("rotate_secrets", "--forget-old")
    assert len((settings.HOME.root / sealing.KEY_NAME).read_text().split()) == 1
    assert all_raw() != before
    assert Task.objects.get().environment == SECRETS["environment"]
    assert value_of("HF_TOKEN") == "hf_sesame_of_the_site"


def test_a_backup_from_before_the_last_exchange_can_be_read(task: Task) -> None:
    sealed = json.loads(raw("tasks_app_task", "environment")[0])
    call_command("rotate_secrets")
    assert sealing.unsealed_values(sealed) == SECRETS["environment"]
    call_command("rotate_secrets")
    assert sealing.unsealed_values(sealed) == sealed


def test_a_key_of_the_settings_counts_and_what_was_stored_before_it_is_read(
    task: Task, settings: Any
) -> None:
    settings.SECRETS_KEYS = ["of the administrator"]
    assert Task.objects.get().environment == SECRETS["environment"]
    call_command("rotate_secrets")
    lose_the_key()
    assert Task.objects.get().environment == SECRETS["environment"]


def test_a_lost_key_stops_the_start_with_the_places_that_need_their_value_again(
    task: Task,
) -> None:
    lose_the_key()
    lost = Task.objects.get()
    with pytest.raises(SpecError) as refused:
        lifecycle.restart_task(lost)
    assert "environment.MY_API_KEY" in str(refused.value)
    assert "access.hub_token" in str(refused.value)
    assert "key that it was encrypted with is gone" in str(refused.value)


def test_a_value_that_is_put_in_again_is_all_it_takes(task: Task) -> None:
    lose_the_key()
    lost = Task.objects.get()
    factories.edit(lost, **SECRETS)
    assert launch_problems(Task.objects.get().spec) == []


def test_with_a_lost_key_the_pages_stand_and_show_no_ciphertext(task: Task) -> None:
    done = factories.completed_task(**SECRETS)
    lose_the_key()
    client = Client()
    client.force_login(factories.make_user())
    for path in (
        "/",
        f"/tasks/{task.pk}/",
        f"/tasks/{done.pk}/",
        f"/tasks/{task.pk}/edit",
        f"/tasks/{task.pk}/history",
        f"/tasks/{task.pk}/history/1",
        f"/tasks/{task.pk}/export",
        f"/experiments/{done.experiments.order_by('number')[0].pk}/",
    ):
        page = client.get(path)
        body = page.content.decode()
        assert page.status_code == 200, (path, body[:3000])
        assert sealing.PREFIX not in body, path
    assert MASK in client.get(f"/tasks/{task.pk}/history/1").content.decode()


def test_writing_a_task_back_without_its_key_loses_nothing(task: Task) -> None:
    path = settings.HOME.root / sealing.KEY_NAME
    key = path.read_text()
    path.unlink()
    lost = Task.objects.get()
    lost.edit_details(name="another name", description="", version=lost.version)
    path.write_text(key)
    assert Task.objects.get().environment == SECRETS["environment"]


def test_the_migration_encrypts_what_is_there_and_its_way_back_decrypts_it(task: Task) -> None:
    """On the state of the tables before it, where the columns are plain JSON."""
    store("HF_ENDPOINT", "https://hub.example")
    migration = importlib.import_module("tasks_app.migrations.0008_seal_secrets")
    sealed = all_raw()
    state = _plain_apps()
    editor = connection.schema_editor(atomic=False)
    migration.unseal(state, editor)
    plain = all_raw()
    migration.seal(state, editor)
    assert plain.count("key-sesame") == 3
    assert "sesame" not in all_raw()
    assert all_raw() != sealed
    assert Task.objects.get().environment == SECRETS["environment"]
    assert SiteSetting.objects.count() == 1


def _plain_apps() -> Any:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    before = ("tasks_app", "0007_paused_time")
    return executor.loader.project_state([before]).apps
