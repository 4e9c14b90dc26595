from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from autotuner_site.roles import Role
from tasks_app.labels import set_labels
from tasks_app.models import Label, Preset, Task
from tests import factories
from tests.factories import completed_task, make_preset, make_task, make_user, running_task

pytestmark = pytest.mark.django_db


def first_of(app: str, model: str) -> int:
    row = apps.get_model(app, model)._default_manager.first()
    assert row is not None
    return int(row.pk)


def make_rows() -> None:
    """At least one row of every model."""
    task = completed_task((50.0,))
    set_labels(task, ["team a"])
    make_preset(f"preset of {task.pk}")
    experiment = task.experiments.first()
    assert experiment is not None
    experiment.leases.create(host="here", resource=f"port:{task.pk}", token="factory")
    apps.get_model("experiments_app", "SiteSetting").objects.get_or_create(name="HF_TOKEN")
    user = make_user(f"told of {task.pk}")
    factories.make_delivery(factories.make_channel(user), task)
    apps.get_model("experiments_app", "TaskFollow").objects.create(user=user, task=task)
    apps.get_model("tasks_app", "Dataset").objects.create(name=f"data {task.pk}")
    apps.get_model("tasks_app", "PastResults").objects.get_or_create(name="elsewhere")


READ_ONLY = [
    ("tasks_app", "task"), ("tasks_app", "run"), ("tasks_app", "taskversion"),
    ("tasks_app", "auditentry"), ("tasks_app", "pastresults"),
    ("experiments_app", "experiment"), ("experiments_app", "measurement"),
    ("experiments_app", "resourcelease"), ("experiments_app", "sitesetting"),
    ("experiments_app", "channel"), ("experiments_app", "delivery"),
    ("experiments_app", "taskfollow"), ("tasks_app", "dataset"),
]  # fmt: skip
ALL = [*READ_ONLY, ("tasks_app", "label"), ("tasks_app", "preset")]


def test_it_has_a_page_for_every_model() -> None:
    ours = {
        (model._meta.app_label, model._meta.model_name)
        for app in ("tasks_app", "experiments_app")
        for model in apps.get_app_config(app).get_models()
    }
    assert ours == set(ALL)


@pytest.mark.parametrize(("app", "model"), ALL)
def test_it_lists_and_shows(browser: Client, app: str, model: str) -> None:
    make_rows()
    path = f"/admin/{app}/{model}/"
    assert browser.get(path).status_code == 200
    assert browser.get(f"{path}{first_of(app, model)}/change/").status_code == 200


@pytest.mark.parametrize(("app", "model"), [row for row in ALL if row[1] != "sitesetting"])
def test_it_searches(browser: Client, app: str, model: str) -> None:
    make_rows()
    found = browser.get(f"/admin/{app}/{model}/?q=no+such+thing").context["cl"]
    assert found.result_count == 0


@pytest.mark.parametrize(("app", "model"), ALL)
def test_it_lists_any_number_in_as_many_queries(browser: Client, app: str, model: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"/admin/{app}/{model}/")
        return len(captured)

    make_rows()
    few = queries()
    for _ in range(4):
        make_rows()
    assert queries() == few


@pytest.mark.parametrize(("app", "model"), READ_ONLY)
def test_it_changes_nothing(browser: Client, app: str, model: str) -> None:
    make_rows()
    path = f"/admin/{app}/{model}/"
    assert browser.get(path + "add/").status_code == 403
    row = f"{path}{first_of(app, model)}/"
    assert browser.post(row + "change/", {"status": "running"}).status_code == 403
    if model == "pastresults":  # who does not want the search to learn from them deletes them
        return
    assert browser.post(row + "delete/", {"post": "yes"}).status_code == 403
    browser.post(path, {"action": "delete_selected", "_selected_action": first_of(app, model)})
    assert first_of(app, model)


def test_it_masks_secrets(browser: Client) -> None:
    task = make_task(
        environment={"HF_TOKEN": "hf_hidden-1"},
        access={"hub_token": "hf_hidden-2", "http_proxy": "http://u:hidden-3@proxy"},
    )
    task.start()
    version, run = task.versions.get(), task.runs.get()
    for row in (f"task/{task.pk}", f"run/{run.pk}", f"taskversion/{version.pk}"):
        content = browser.get(f"/admin/tasks_app/{row}/change/").content
        assert b"HF_TOKEN" in content
        assert b"http_proxy" in content
        assert b"hidden-" not in content
    for model in ("task", "run", "taskversion"):
        assert b"hidden-" not in browser.get(f"/admin/tasks_app/{model}/").content


def test_it_shows_no_claim_and_no_stored_secret(browser: Client) -> None:
    make_rows()
    running_task()
    settings = apps.get_model("experiments_app", "SiteSetting")
    settings.objects.update(encrypted_value="gAAAA-hidden")
    for app, model in READ_ONLY:
        for row in apps.get_model(app, model)._default_manager.all():
            content = browser.get(f"/admin/{app}/{model}/{row.pk}/change/").content
            assert b"gAAAA-hidden" not in content
            assert f">{factories.TOKEN}<".encode() not in content


def test_it_is_for_staff(client: Client) -> None:
    client.force_login(make_user(role=Role.OPERATOR))
    assert client.get("/admin/tasks_app/task/").status_code == 302


def test_it_filters_archived_tasks(browser: Client) -> None:
    kept, archived = make_task(), make_task()
    archived.archive()
    for value, task in (("no", kept), ("yes", archived)):
        found = browser.get(f"/admin/tasks_app/task/?archived={value}").context["cl"]
        assert list(found.result_list) == [task]


def test_it_leads_back_to_the_site(browser: Client) -> None:
    task = make_task()
    content = browser.get("/admin/tasks_app/task/").content.decode()
    assert 'href="/">Back to the site</a>' in content
    assert f'href="/tasks/{task.pk}/"' in content


# Actions


def act(browser: Client, action: str, *tasks: Task) -> list[str]:
    """What the admin says after it."""
    sent = {"action": action, "_selected_action": [task.pk for task in tasks]}
    response = browser.post("/admin/tasks_app/task/", sent, follow=True)
    return [str(message) for message in response.context["messages"]]


def status_of(task: Task) -> str:
    task.refresh_from_db()
    return task.status


def test_it_cancels(browser: Client) -> None:
    runs, ended = running_task(), completed_task((50.0,))
    said = act(browser, "cancel", runs, ended)
    assert said == ["1 of 2 tasks cancelled.", f"{ended.name}: is completed already"]
    assert status_of(runs) == "cancelled"
    assert status_of(ended) == "completed"


def test_it_pauses_and_resumes(browser: Client) -> None:
    runs, ended = running_task(), completed_task((50.0,))
    said = act(browser, "pause", runs, ended)
    assert said == ["1 of 2 tasks paused.", f"{ended.name}: is not running"]
    assert status_of(runs) == "paused"
    assert act(browser, "resume", runs) == ["1 task resumed."]


def test_it_starts_and_starts_again(browser: Client) -> None:
    new, ended, runs = make_task(), completed_task((50.0,)), running_task()
    said = act(browser, "start_again", new, ended, runs)
    assert "2 of 3 tasks started." in said
    assert f"{runs.name}: is running already" in said
    assert (status_of(new), new.run) == ("running", 1)
    assert (status_of(ended), ended.run) == ("running", 2)
    assert ended.runs.get(number=2).started_by == User.objects.get()


def test_it_archives_and_brings_back(browser: Client) -> None:
    task, runs = make_task(), running_task()
    assert "1 of 2 tasks archived." in act(browser, "archive", task, runs)
    task.refresh_from_db()
    assert task.archived_at is not None
    assert act(browser, "bring_back", task) == ["1 task brought back."]
    task.refresh_from_db()
    assert task.archived_at is None


def test_it_tells_a_few_of_many_refusals(browser: Client) -> None:
    tasks = [make_task() for _ in range(12)]
    said = act(browser, "bring_back", *tasks)
    assert len(said) == 11
    assert said[-1] == "… and 2 more that were left as they are."


def test_it_lets_nobody_act_who_may_only_look(client: Client) -> None:
    user = make_user("eve")
    user.is_superuser = False
    user.save()
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    client.force_login(user)
    task = running_task()
    assert client.get("/admin/tasks_app/task/").status_code == 200
    act(client, "cancel", task)
    assert status_of(task) == "running"


# What may be edited here


def preset_sent(**changes: Any) -> dict[str, Any]:
    return {
        "name": "ours", "base_runtime": "llamacpp", "description": "",
        "parameters": '{"threads": [1, 2]}', "fixed_parameters": "{}", "notes": "{}",
    } | changes  # fmt: skip


def test_it_makes_a_preset(browser: Client) -> None:
    browser.post("/admin/tasks_app/preset/add/", preset_sent())
    preset = Preset.objects.get()
    assert preset.parameters == {"threads": [1, 2]}
    assert preset.fixed_parameters == {}
    assert preset.created_by == User.objects.get()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "quick look"},
        {"parameters": '{"treads": [1]}'},
        {"parameters": "[1]"},
        {"parameters": "{}"},
        {"base_runtime": "gone"},
        {"notes": '{"poll": "x"}'},
        {"fixed_parameters": '{"threads": 1}'},
    ],
)
def test_it_makes_no_preset_that_the_site_would_not(
    browser: Client, changes: dict[str, str]
) -> None:
    response = browser.post("/admin/tasks_app/preset/add/", preset_sent(**changes))
    assert response.context["errors"]
    assert not Preset.objects.exists()


def test_it_marks_an_edited_preset_as_changed(browser: Client) -> None:
    preset = make_preset("ours")
    before = preset.updated_at
    browser.post(f"/admin/tasks_app/preset/{preset.pk}/change/", preset_sent(description="new"))
    preset.refresh_from_db()
    assert preset.description == "new"
    assert preset.updated_at > before


@pytest.mark.parametrize("name", ["", "a, b", "TEAM A", "x" * 51, "a\x07b"])
def test_it_makes_no_label_that_the_site_would_not(browser: Client, name: str) -> None:
    Label.objects.create(name="team a")
    browser.post("/admin/tasks_app/label/add/", {"name": name})
    assert Label.objects.count() == 1


def test_it_renames_a_label(browser: Client) -> None:
    label = Label.objects.create(name="team a")
    browser.post(f"/admin/tasks_app/label/{label.pk}/change/", {"name": " Team  A "})
    assert Label.objects.get().name == "Team A"


def test_it_names_its_lists(browser: Client) -> None:
    running_task()
    response = browser.get("/admin/experiments_app/experiment/")
    assert response.context["title"] == "Experiments"
    assert "threads 1, parallel 1" in response.content.decode()


def test_it_writes_moments_as_the_pages_do(browser: Client) -> None:
    created_at = apps.get_model("tasks_app", "Dataset").objects.create(name="ours").created_at
    text = browser.get("/admin/tasks_app/dataset/").content.decode()
    assert f">{created_at:%Y-%m-%d %H:%M:%S}<" in text
