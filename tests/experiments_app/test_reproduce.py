import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from experiments_app import provenance
from experiments_app.models import Experiment
from experiments_app.reproduce import pinned, reproduce
from tasks_app.models import Run, Task
from tasks_app.problems import SpecError
from tests.factories import completed_task, edit

pytestmark = pytest.mark.django_db
DIGEST = f"registry.example/engine@sha256:{'a' * 64}"


def run_of(task: Task, **recorded: object) -> Run:
    """The task's run, as one that was started here and now, but for what is `recorded`."""
    run = task.runs.get()
    run.provenance = provenance.at_start(task.spec) | recorded
    run.save()
    return run


def test_it_makes_a_task_of_the_spec_as_it_stood() -> None:
    task = completed_task((50.0,), optimization={"strategy": "random", "seed": 7})
    run = run_of(task)
    edit(task, optimization={"strategy": "random", "seed": 8})
    made = reproduce(run)
    assert made.task.status == Task.Status.PENDING
    assert made.task.name == f"{task.name} (again)"
    assert made.task.spec.optimization.seed == 7
    assert made.task.spec.description.startswith(f"Does run 1 of {task.name!r} again.")
    assert made.comparison == f"run={task.pk}.1&run={made.task.pk}.1"
    assert reproduce(run).task.name == f"{task.name} (again 2)"


def test_it_pins_the_image_that_was_measured() -> None:
    task = completed_task((50.0,), deployment_mode="docker", runtime_image_tag="server")
    Experiment.objects.of_run(task).update(image_digest=DIGEST)
    spec, warnings = pinned(run_of(task))
    assert (spec.runtime_image, spec.runtime_image_tag) == (DIGEST, None)
    assert warnings == []


def test_it_says_that_an_image_of_no_registry_cannot_be_pinned() -> None:
    task = completed_task((50.0,), deployment_mode="docker", runtime_image_tag="server")
    Experiment.objects.of_run(task).update(image_digest=f"sha256:{'b' * 64}")
    spec, warnings = pinned(run_of(task))
    assert spec.runtime_image_tag == "server"
    assert "is in no registry" in warnings[0]


def test_it_says_what_is_not_here_as_it_was() -> None:
    task = completed_task((50.0,))
    Experiment.objects.of_run(task).update(engine_version="b4000")
    now = provenance.at_start(task.spec)
    run = run_of(
        task,
        versions=now["versions"] | {"xllamacpp": "2025.1", "driver": "550.1"},
        hardware=now["hardware"] | {"cpu": "Another CPU"},
        model_revision="f" * 40,
    )
    told = " ".join(pinned(run)[1])
    assert "the run measured b4000" in told
    assert f"llama.cpp (xllamacpp) differs: 2025.1 then, {now['versions']['xllamacpp']} now" in told
    assert "The GPU driver differs: 550.1 then" in told
    assert "The CPU differs: Another CPU then" in told
    assert "The model's revision was ffff" in told


def test_it_says_that_an_older_run_does_not_tell() -> None:
    run = completed_task((50.0,)).runs.get()
    assert any("before that was recorded" in warning for warning in pinned(run)[1])


def test_it_refuses_a_name_that_is_taken() -> None:
    task = completed_task((50.0,))
    with pytest.raises(SpecError, match="exists already"):
        reproduce(run_of(task), name=task.name)


def test_the_button_leads_to_the_new_task(admin_client: Client, admin_user: User) -> None:
    task = completed_task((50.0,))
    page = admin_client.get(f"/tasks/{task.pk}/").content.decode()
    assert f'action="/tasks/{task.pk}/reproduce"' in page
    answer = admin_client.post(f"/tasks/{task.pk}/reproduce", {"run": "1"}, follow=True)
    made = Task.objects.latest("pk")
    assert answer.redirect_chain == [(f"/tasks/{made.pk}/", 302)]
    assert made.created_by == admin_user
    assert "does run 1 of" in answer.content.decode()
    assert admin_client.post(f"/tasks/{task.pk}/reproduce", {"run": "9"}).status_code == 404


def test_the_command_says_what_it_made(capsys: pytest.CaptureFixture[str]) -> None:
    task = completed_task((50.0,), environment={"MY_TOKEN": "planted-secret"})
    run_of(task)
    call_command("reproduce", task.name, "--name", "once more", "--json")
    told = capsys.readouterr().out
    assert json.loads(told)["of"] == {"task": task.name, "run": 1}
    assert "planted-secret" not in told
    assert Task.objects.get(name="once more").spec.environment == {"MY_TOKEN": "planted-secret"}
    with pytest.raises(CommandError, match="has no run 4"):
        call_command("reproduce", task.name, "--run", "4")
