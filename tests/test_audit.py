"""The audit: every act leaves an entry of who did it, in its transaction, for good."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.management import call_command
from django.db import transaction
from django.test import Client, RequestFactory
from django.utils import timezone

from autotuner_site.roles import Role
from experiments_app.hub import CachedModel
from experiments_app.models import Delivery
from experiments_app.system import stored
from experiments_app.system import views as system_views
from experiments_app.system.audit_filter import harmless
from tasks_app.audit import acting_for, record
from tasks_app.importing import ensure_builtin_task
from tasks_app.models import AuditEntry, PastResults, StaleState, Task
from tasks_app.taskfile import dump_document
from tests import factories
from tests.attacker import Fields
from tests.every_url import PLACES, World

pytestmark = pytest.mark.django_db
Sent = Callable[[World, Client, str], Mapping[str, Any]]


@pytest.fixture
def browser(world: World) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(world.admin)
    return client


def fields(**changes: Any) -> Sent:
    """What the page's form holds, and `changes`."""

    def sent(world: World, client: Client, path: str) -> Mapping[str, Any]:
        return Fields(client.get(path).content.decode()).values | changes

    return sent


def just(**sent: Any) -> Sent:
    return lambda world, client, path: sent


def _preset(world: World, client: Client, path: str) -> Mapping[str, Any]:
    return fields(name="another", parameters="parallel: [1, 2]")(world, client, path)


def _preset_file(world: World, client: Client, path: str) -> Mapping[str, Any]:
    text = client.get(f"/presets/own:{world.preset.pk}/export").content.decode()
    return {"text": text, "on_clash": "rename"}


def _task_file(world: World, client: Client, path: str) -> Mapping[str, Any]:
    text = dump_document(factories.task_data())
    return {"action": "save", "text": [text], "source": ["pasted"], "chosen": ["0"]}


def _merge(world: World, client: Client, path: str) -> Mapping[str, Any]:
    return {"version": world.pending.version, "choice.parallel": "preset"}


def _new_task(world: World, client: Client, path: str) -> Mapping[str, Any]:
    like = f"/tasks/{world.pending.pk}/edit"
    return fields(task_name="a new one", action="save")(world, client, like)


def _webhook(world: World, client: Client, path: str) -> Mapping[str, Any]:
    return fields(name="mine", url="https://93.184.216.34/hook")(world, client, path)


def _own_delivery(world: World, client: Client, path: str) -> Mapping[str, Any]:
    return {"delivery": Delivery.objects.filter(channel__user=world.admin)[0].pk}


SENT: dict[str, tuple[str, Sent]] = {
    "tasks_bulk": (
        "task.archived",
        lambda world, client, path: {"task": [world.other.pk], "action": "archive"},
    ),
    "dataset_new": ("dataset.created", fields(url="https://1.1.1.1/x.csv")),
    "dataset_remove": ("dataset.deleted", just()),
    "preset_new": ("preset.created", _preset),
    "preset_import": ("preset.created", _preset_file),
    "preset_edit": ("preset.changed", fields(description="changed")),
    "preset_delete": ("preset.deleted", just()),
    "preset_merge": ("task.edited", _merge),
    "task_import": ("task.imported", _task_file),
    "task_new": ("task.created", _new_task),
    "task_edit": ("task.edited", fields(description="changed", action="save")),
    "task_details": ("task.details", fields(description="changed")),
    "task_extend": ("task.extended", fields(more="1")),
    "experiment_verify": ("experiment.verified", just()),
    "verification_cancel": ("experiment.verification_cancelled", just()),
    "task_answer": ("task.answered", just(number="1")),
    "task_start": ("task.started", just()),
    "task_pause": ("task.paused", just()),
    "task_resume": ("task.resumed", just()),
    "task_cancel": ("task.cancelled", just()),
    "task_restart": ("task.started", just()),
    "task_duplicate": ("task.duplicated", just()),
    "task_reproduce": ("task.duplicated", just()),
    "task_delete": ("task.deleted", just()),
    "task_archive": ("task.archived", just()),
    "task_bring_back": ("task.brought_back", just()),
    "version_restore": (
        "task.restored",
        lambda world, client, path: {"version": world.completed.version},
    ),
    "task_log_clear": ("log.cleared", just()),
    "system_settings": ("setting.set", fields(NO_PROXY="intranet.example")),
    "tune_builtin": ("task.created", just()),
    "notification_new": ("notification.created", _webhook),
    "notification_edit": ("notification.changed", fields(name="another")),
    "notification_test": ("notification.tested", just()),
    "notification_again": ("notification.sent_again", _own_delivery),
    "notification_switch": ("notification.switched_off", just(on="0")),
    "notification_secret": ("notification.secret_renewed", just()),
    "notification_delete": ("notification.deleted", just()),
    "task_follow": ("task.followed", just(wish="follow")),
    "tokens": ("account.token_made", just(name="a pipeline")),
    "token_revoke": ("account.token_revoked", just()),
    "password": (
        "account.changed",
        just(
            old_password="not a secret",
            new_password1="a long one 4711",
            new_password2="a long one 4711",
        ),
    ),
    "sign_out_everywhere": ("account.signed_out", just()),
    "logout": ("account.signed_out", just()),
}
CHANGE_NOTHING = {"tasks_compare", "tasks_export", "task_check", "test_connection"}
ELSEWHERE = {
    "login", "sign_in_by_link", "container_stop", "image_remove", "model_remove", "results_import",
    "notification_confirm", "dataset_columns", "dataset_cancel", "dataset_retry",
}  # fmt: skip
"""Tested below, on what they share."""


def test_the_table_knows_every_address_that_changes_something() -> None:
    changing = {place.name for place in PLACES if "POST" in place.methods}
    assert changing <= SENT.keys() | CHANGE_NOTHING | ELSEWHERE


@pytest.mark.parametrize("name", SENT)
def test_whoever_changes_something_is_in_the_audit(
    name: str, world: World, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments_app.lifecycle.check_runnable", lambda task: 0)
    place = next(place for place in PLACES if place.name == name and "POST" in place.methods)
    if name == "task_resume":
        world.running.pause()
    if name == "task_bring_back":
        world.completed.archive()
    path = place.path(world)
    query = dict(place.query(world)) if name == "preset_merge" else {}
    action, sent = SENT[name]
    data = sent(world, browser, path)
    seen = AuditEntry.objects.count()
    browser.post(path, data, query_params=query)
    entries = AuditEntry.objects.order_by("pk")[seen:]
    found = [entry for entry in entries if entry.action == action]
    assert found, [entry.action for entry in entries]
    assert {(entry.who, entry.origin) for entry in found} == {("admin", "192.0.2.7")}


def test_what_is_removed_from_the_machine_is_in_it(
    world: World, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = stored.StoredModel(CachedModel("no/such", 1, None, 1), "")
    monkeypatch.setattr(stored, "stored_models", lambda: [model])
    monkeypatch.setattr(stored, "remove_stored_model", lambda found: True)
    browser.post("/system/models/no/such/remove")
    assert AuditEntry.objects.get(action="machine.removed").object_name == "no/such"


@pytest.mark.parametrize(
    ("verb", "action"),
    [(("stop", "stopped"), "machine.stopped"), (("remove", "removed"), "machine.removed")],
)
def test_a_container_or_image_that_goes_is_in_it_and_one_that_stays_is_not(
    verb: tuple[str, str], action: str, rf: RequestFactory, world: World
) -> None:
    request: Any = rf.post("/system/containers/x/stop")
    request.user = world.admin
    request._messages = CookieStorage(request)

    def refuse() -> bool:
        raise stored.InUse("it is needed")

    with acting_for(request):
        system_views._remove(request, "llama", refuse, verb)
        assert not AuditEntry.objects.filter(action=action).exists()
        system_views._remove(request, "llama", lambda: True, verb)
    entry = AuditEntry.objects.get(action=action)
    assert (entry.who, entry.object_name) == ("admin", "llama")
    assert entry.details == {"path": "/system/containers/x/stop"}


def test_past_results_that_come_and_go_are_in_it(world: World) -> None:
    PastResults.objects.all().delete()
    found = AuditEntry.objects.filter(action__startswith="results.").order_by("pk")
    assert [entry.action for entry in found] == ["results.created", "results.deleted"]


def test_letting_a_locked_out_account_in_again_is_in_it(world: World, browser: Client) -> None:
    chosen = {"action": "let_sign_in", "_selected_action": [world.user.pk]}
    browser.post("/admin/auth/user/", chosen)
    entry = AuditEntry.objects.get(action="account.released")
    assert (entry.who, entry.object_name) == ("admin", "guest")


def test_signing_in_and_failing_to_is_in_it(world: World) -> None:
    client = Client(REMOTE_ADDR="192.0.2.9")
    for username, password in (("admin", "wrong"), ("my secret pass", ""), ("admin", "right")):
        client.post("/sign-in/", {"username": username, "password": password or "x"})
    failed = AuditEntry.objects.filter(action="account.sign_in_failed").order_by("pk")
    assert [entry.object_name for entry in failed] == ["admin", "no such account", "admin"]
    assert {entry.origin for entry in failed} == {"192.0.2.9"}
    client.post("/sign-in/", {"username": "admin", "password": "not a secret"})
    assert AuditEntry.objects.filter(action="account.signed_in", who="admin").exists()


def test_accounts_and_roles_are_in_it_and_a_sign_in_changes_no_account(world: World) -> None:
    seen = AuditEntry.objects.count()
    user = factories.make_user("eve", role=Role.NONE)
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name="viewer"))
    Client().force_login(user)
    user.delete()
    actions = [entry.action for entry in AuditEntry.objects.order_by("pk")[seen:]]
    assert actions[:3] == ["account.created", "account.changed", "account.rights_given"]
    assert actions.count("account.changed") == 1
    assert actions[-1] == "account.deleted"


def test_it_outlives_whom_it_names(world: World) -> None:
    world.completed.archive()
    User.objects.all().delete()
    Task.objects.all().delete()
    entry = AuditEntry.objects.filter(action="task.archived").latest("pk")
    assert entry.object_name == world.completed.name


def test_an_act_that_is_taken_back_leaves_no_entry(world: World) -> None:
    seen = AuditEntry.objects.count()
    with pytest.raises(StaleState):
        world.running.archive()

    class TakenBack(Exception):
        pass

    def archive_and_fail() -> None:
        with transaction.atomic():
            world.completed.archive()
            raise TakenBack

    with pytest.raises(TakenBack):
        archive_and_fail()
    assert AuditEntry.objects.count() == seen


def test_nobody_changes_or_removes_an_entry(world: World, browser: Client) -> None:
    entry = AuditEntry.objects.latest("pk")
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(TypeError):
            change()
    with pytest.raises(TypeError):
        AuditEntry.objects.update(who="nobody")
    path = f"/admin/tasks_app/auditentry/{entry.pk}"
    assert browser.post(f"{path}/change/", {"who": "nobody"}).status_code == 403
    assert browser.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert browser.get("/admin/tasks_app/auditentry/add/").status_code == 403


def test_a_command_is_named_with_the_user_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["manage.py", "import_task", "x.yaml"])
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    ensure_builtin_task(None)
    entry = AuditEntry.objects.filter(action="task.created").latest("pk")
    assert (entry.who, entry.origin) == ("grace", "manage.py import_task")


def test_what_the_consumer_does_nobody_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["manage.py", "run_consumer"])
    record("task.paused", "x")
    entry = AuditEntry.objects.latest("pk")
    assert (entry.who, entry.origin) == ("", "the site itself")


def test_a_changed_key_is_no_reason_to_name_values(world: World, browser: Client) -> None:
    browser.post(
        "/system/settings", fields(HF_TOKEN="hf_sesame4711")(world, browser, "/system/settings")
    )
    assert "HF_TOKEN" in AuditEntry.objects.filter(action="setting.set").latest("pk").object_name
    assert "sesame" not in str(list(AuditEntry.objects.values()))


# The page


def test_only_administrators_read_it(world: World) -> None:
    client = Client()
    client.force_login(world.user)
    assert client.get("/system/audit/").status_code == 403
    assert client.get("/system/audit/export").status_code == 403


def shown(browser: Client, **query: Any) -> set[str]:
    page = browser.get("/system/audit/", query_params=query).context["page"]
    return {entry.action for entry in page}


def test_it_is_found_by_who_what_about_and_when(world: World, browser: Client) -> None:
    world.completed.archive()
    record("setting.set", "HF_TOKEN", user=world.user)
    assert shown(browser, kind="setting", who="guest") == {"setting.set"}
    assert shown(browser, about="HF_TOK") == {"setting.set"}
    today, tomorrow = timezone.localdate(), timezone.localdate() + timedelta(days=1)
    assert "task.archived" in shown(browser, since=str(today), until=str(today), kind="task")
    assert shown(browser, since=str(tomorrow)) == set()


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01"},
        {"kind": "x"},
        {"page": "x"},
    ],
)
def test_no_question_breaks_it(query: dict[str, str], browser: Client) -> None:
    assert browser.get("/system/audit/", query_params=query).status_code == 200


def export(browser: Client, form: str) -> str:
    response: Any = browser.get("/system/audit/export", {"format": form, "kind": "preset"})
    return b"".join(response.streaming_content).decode()


def test_it_is_taken_along_as_json_lines_and_csv(world: World, browser: Client) -> None:
    record("preset.created", "=cmd|'/c calc'!A1", user=world.admin)
    last = json.loads(export(browser, "jsonl").splitlines()[0])
    assert last["object_name"] == "=cmd|'/c calc'!A1"
    rows = list(csv.DictReader(io.StringIO(export(browser, "csv"))))
    assert rows[0]["object_name"] == "'=cmd|'/c calc'!A1"
    assert {row["action"].partition(".")[0] for row in rows} == {"preset"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_computes_none_of_it(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"


def test_djangos_own_commands_are_in_it() -> None:
    call_command("createsuperuser", "--no-input", username="root", email="r@example.org")
    made = AuditEntry.objects.filter(action="account.created").latest("pk")
    assert made.object_name == "root"
