import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tasks_app.masking import MASK
from tasks_app.models import Task
from tests.factories import make_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def legacy_database(tmp_path: Path) -> Path:
    """A database as the replaced system keeps it: one task that can be used, one that cannot."""
    path = tmp_path / "autotuner.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE TABLE tasks (id INTEGER PRIMARY KEY, task_name TEXT, description TEXT,"
            " status TEXT, model_config JSON, base_runtime TEXT, runtime_image_tag TEXT,"
            " parameters JSON, optimization_config JSON, benchmark_config JSON, slo_config JSON,"
            " deployment_mode TEXT, best_experiment_id INTEGER)"
        )
        for name, runtime in (("good", "llamacpp"), ("bad", "no-such-runtime")):
            database.execute(
                "INSERT INTO tasks (task_name, status, model_config, base_runtime, parameters,"
                " optimization_config, benchmark_config, deployment_mode)"
                " VALUES (?, 'COMPLETED', ?, ?, ?, ?, ?, 'local')",
                (
                    name,
                    json.dumps({"id_or_path": "smollm2-135m", "namespace": "autotuner"}),
                    runtime,
                    json.dumps({"threads": [1, 2]}),
                    json.dumps({"strategy": "grid_search", "max_iterations": 5}),
                    json.dumps({"traffic_scenarios": ["D(100", "100)"], "num_concurrency": [1]}),
                ),
            )
        database.commit()
    return path


def test_the_tasks_of_the_replaced_systems_database_are_imported(
    legacy_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = legacy_database.read_bytes()
    with pytest.raises(SystemExit) as ended:
        call_command("import_task", legacy_database)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == "imported good\n"
    assert "not imported: bad" in told.err
    assert "no-such-runtime" in told.err
    task = Task.objects.get()
    assert task.spec.benchmark.traffic_scenarios == ["D(100,100)"]
    assert task.spec.optimization.max_iterations == 5
    assert legacy_database.read_bytes() == before


def test_a_database_of_something_else_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE notes (id INTEGER)")
        database.commit()
    with pytest.raises(CommandError, match="holds no tasks") as error:
        call_command("import_task", path)
    assert error.value.returncode == 2


def test_a_mask_is_not_imported_as_the_secret_that_it_stands_for(tmp_path: Path) -> None:
    path = tmp_path / "exported.yaml"
    path.write_text(
        "task_name: x\ndeployment_mode: local\nbase_runtime: llamacpp\n"
        "model: {id_or_path: smollm2-135m}\nparameters: {threads: [1, 2]}\n"
        f"environment: {{HF_TOKEN: '{MASK}'}}\n"
    )
    with pytest.raises(CommandError, match=r"environment.HF_TOKEN.*put the value in again"):
        call_command("import_task", path)
    assert not Task.objects.exists()


def test_an_export_can_be_imported_once_its_secrets_are_put_in_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    access = {"hub_token": "hf_hidden-1", "https_proxy": "http://u:hidden-2@proxy:3128"}
    make_task(task_name="mine", access=access, environment={"API_KEY": "hidden-3"})
    call_command("export_task", "mine")
    text = capsys.readouterr().out.replace("mine", "again")
    assert "hidden" not in text
    path = tmp_path / "exported.yaml"
    path.write_text(text)
    with pytest.raises(CommandError) as error:
        call_command("import_task", path)
    for place in ("environment.API_KEY", "access.https_proxy", "access.hub_token"):
        assert f"{place}: is masked here (put the value in again)" in str(error.value)
    for secret in ("hidden-3", "hidden-2", "hf_hidden-1"):
        text = text.replace(MASK, secret, 1)
    path.write_text(text)
    call_command("import_task", path)
    copy, original = Task.objects.get(name="again"), Task.objects.get(name="mine")
    assert copy.spec == original.spec.model_copy(update={"task_name": "again"})
