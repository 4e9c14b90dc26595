"""Who may call what: every call by every role, and what a token is worth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from autotuner_site.models import ApiToken
from autotuner_site.roles import Role, give_role
from autotuner_site.tokens import make_token, revoke_token
from experiments_app.api.examples import TASK_FILE
from experiments_app.api.site_api import api
from tasks_app.models import AuditEntry, Task
from tests import factories
from tests.every_url import World
from tests.experiments_app.api.callers import Caller, refusal

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Call:
    """`role` and `status` are written here a second time, so that one which opens by mistake
    fails."""

    name: str
    method: str
    path: str
    role: Role
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


NONE, VIEWER, OPERATOR = Role.NONE, Role.VIEWER, Role.OPERATOR
PUT_ON = {"If-Match": "*"}
ANOTHER = TASK_FILE | {"task_name": "another"}


def calls(world: World) -> Iterator[Call]:
    done, pending, running = world.completed.pk, world.pending.pk, world.running.pk
    held = factories.running_task()
    held.pause()
    away = factories.completed_task((1.0,))
    away.archive()
    measured = world.experiment.pk
    yield from (
        Call("read_me", "GET", "/me", NONE),
        Call("list_tasks", "GET", "/tasks", VIEWER),
        Call("read_task", "GET", f"/tasks/{done}", VIEWER),
        Call("list_runs", "GET", f"/tasks/{done}/runs", VIEWER),
        Call("read_results", "GET", f"/tasks/{done}/results", VIEWER),
        Call("read_report", "GET", f"/tasks/{done}/report", VIEWER),
        Call("read_task_log", "GET", f"/tasks/{done}/log", VIEWER),
        Call("list_experiments_of_task", "GET", f"/tasks/{done}/experiments", VIEWER),
        Call("list_experiments", "GET", "/experiments", VIEWER),
        Call("read_experiment", "GET", f"/experiments/{measured}", VIEWER),
        Call("list_measurements", "GET", f"/experiments/{measured}/measurements", VIEWER),
        Call("read_experiment_log", "GET", f"/experiments/{measured}/log", VIEWER),
        Call("list_runtimes", "GET", "/runtimes", VIEWER),
        Call("read_runtime", "GET", "/runtimes/llamacpp", VIEWER),
        Call("list_flags", "GET", "/runtimes/llamacpp/flags", VIEWER),
        Call("list_presets", "GET", "/presets", VIEWER),
        Call("read_preset", "GET", f"/presets/own:{world.preset.pk}", VIEWER),
        Call("read_system", "GET", "/system", VIEWER),
        Call("read_system_section", "GET", "/system/storage", VIEWER),
        Call("create_task", "POST", "/tasks", OPERATOR, 201, TASK_FILE),
        Call("validate_task_file", "POST", "/tasks/validate", OPERATOR, body=TASK_FILE),
        Call("validate_task", "POST", f"/tasks/{done}/validate", OPERATOR),
        Call("replace_task", "PUT", f"/tasks/{done}", OPERATOR, 200, ANOTHER, PUT_ON),
        Call("edit_task_details", "PATCH", f"/tasks/{done}", OPERATOR, body={"labels": ["x"]}),
        Call("start_task", "POST", f"/tasks/{pending}/start", OPERATOR),
        Call("pause_task", "POST", f"/tasks/{running}/pause", OPERATOR),
        Call("resume_task", "POST", f"/tasks/{held.pk}/resume", OPERATOR),
        Call("cancel_task", "POST", f"/tasks/{running}/cancel", OPERATOR),
        Call("restart_task", "POST", f"/tasks/{done}/restart", OPERATOR),
        Call("extend_task", "POST", f"/tasks/{world.other.pk}/extend", OPERATOR, body={"more": 1}),
        Call("archive_task", "POST", f"/tasks/{world.other.pk}/archive", OPERATOR, 409),
        Call("bring_back_task", "POST", f"/tasks/{away.pk}/bring-back", OPERATOR),
        Call("delete_task_with_results", "DELETE", f"/tasks/{away.pk}", OPERATOR, 204),
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("experiments_app.lifecycle.check_spec", lambda spec: 0)
    return World.make()


def test_the_table_knows_every_call(world: World) -> None:
    there = {
        operation.operation_id
        for router in api._get_bound_routers()
        for view in router.path_operations.values()
        for operation in view.operations
    }
    assert {call.name for call in calls(world)} == there


def test_every_role_gets_what_is_its_and_no_more(world: World) -> None:
    """What is refused changes nothing, so that all can be asked before the one that may."""
    people = {
        Role.NONE: Caller(world.nobody),
        Role.VIEWER: Caller(world.viewer),
        Role.OPERATOR: Caller(world.user),
    }
    faults: list[tuple[object, ...]] = []
    for call in calls(world):
        anonymous = Caller()(call.method, call.path, call.body, **call.headers)
        faults += [(call.name, "anonymous")] if refusal(anonymous)[0] != 401 else []
        for role in (role for role in people if role < call.role):
            response = people[role](call.method, call.path, call.body, **call.headers)
            if refusal(response) != (403, "forbidden", []):
                faults.append((call.name, role.word))
        least = people[call.role](call.method, call.path, call.body, **call.headers)
        if least.status_code != call.status:
            faults.append((call.name, call.role.word, least.status_code, least.text_sent[:200]))
    assert not faults, "\n".join(map(str, faults))


def test_an_administrator_may_what_an_operator_may(world: World) -> None:
    call = Caller(world.admin)
    assert call("POST", "/tasks", TASK_FILE).status_code == 201
    assert call("GET", "/me").data["role"] == "admin"


# Tokens


@pytest.fixture
def call() -> Caller:
    return Caller(factories.make_user("olga", role=Role.OPERATOR))


def test_a_token_says_whose_it_is(call: Caller) -> None:
    found = call("GET", "/me").data
    assert (found["username"], found["role"]) == ("olga", "operator")
    assert found["token"]["prefix"] == call.secret[:10]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic b2xnYTp4", "Bearer att_wrong", "att_wrong"]
)
def test_what_is_no_token_is_refused(call: Caller, header: str) -> None:
    response = Caller()("GET", "/tasks", authorization=header)
    assert refusal(response)[:2] == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_token_is_not_made_good_by_a_session(client: Client) -> None:
    client.force_login(factories.make_user())
    assert client.get("/api/v1/tasks").status_code == 200
    response = client.get("/api/v1/tasks", headers={"authorization": "Bearer wrong"})
    assert response.status_code == 401


def test_a_revoked_token_ends_at_once_and_the_run_goes_on(call: Caller) -> None:
    task = factories.running_task()
    assert call("GET", f"/tasks/{task.pk}").status_code == 200
    revoke_token(ApiToken.objects.get())
    response = call("GET", f"/tasks/{task.pk}")
    assert refusal(response)[:2] == (401, "unauthenticated")
    assert "revoked" in response.data["error"]["message"]
    task.refresh_from_db()
    assert task.status == Task.Status.RUNNING


def test_an_account_that_is_deactivated_ends_its_tokens(call: Caller) -> None:
    assert call.user is not None
    call.user.is_active = False
    call.user.save()
    assert refusal(call("GET", "/me"))[:2] == (401, "unauthenticated")


def test_a_role_that_was_taken_away_counts_at_once(call: Caller) -> None:
    assert call.user is not None
    task = factories.make_task()
    give_role(call.user, Role.VIEWER)
    assert refusal(call("POST", f"/tasks/{task.pk}/archive"))[:2] == (403, "forbidden")
    assert call("GET", f"/tasks/{task.pk}").status_code == 200


def test_a_token_counts_until_its_day(call: Caller) -> None:
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert call("GET", "/me").status_code == 200
    ApiToken.objects.update(expires_at=timezone.now())
    assert refusal(call("GET", "/me"))[:2] == (401, "unauthenticated")


def test_its_use_is_noted_and_not_at_every_call(call: Caller) -> None:
    call("GET", "/me")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    call("GET", "/me")
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    call("GET", "/me")
    assert ApiToken.objects.get().last_used_at > first - timedelta(minutes=1)  # type: ignore[operator]


def test_what_is_done_by_token_is_its_users_in_the_audit_and_names_it(call: Caller) -> None:
    task = factories.make_task()
    call("POST", f"/tasks/{task.pk}/archive")
    entry = AuditEntry.objects.get(action="task.archived")
    assert entry.who == "olga"
    assert entry.origin == f"127.0.0.1, token {call.secret[:10]}…"


# Sessions


def test_a_browsers_session_reads_and_changes_only_with_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user())
    task = factories.make_task()
    assert client.get(f"/api/v1/tasks/{task.pk}").status_code == 200
    path = f"/api/v1/tasks/{task.pk}/archive"
    refused: Any = client.post(path)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (403, "forbidden")
    client.get("/account/tokens")
    token = client.cookies["autotuner_csrf"].value
    assert client.post(path, headers={"X-CSRFToken": token}).status_code == 200


# What is at no address


@pytest.mark.parametrize("path", ["/nothing", "/tasks/abc", "/tasks/-1", "/", "/tasks/1/nothing"])
def test_an_address_that_there_is_not_is_told_in_json(call: Caller, path: str) -> None:
    assert refusal(call("GET", path))[:2] == (404, "not_found")


def test_a_number_that_nothing_has_is_not_found(call: Caller) -> None:
    assert refusal(call("GET", f"/tasks/{'9' * 40}"))[:2] == (404, "not_found")
    assert refusal(call("GET", "/experiments/9223372036854775808"))[:2] == (404, "not_found")


def test_a_method_that_there_is_not_is_told_in_json(call: Caller) -> None:
    response = call("PUT", "/tasks")
    assert refusal(response)[:2] == (405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD, POST"
    assert call("HEAD", "/tasks").status_code == 200


def test_nothing_of_it_is_kept_by_caches(call: Caller) -> None:
    for path in ("/tasks", "/nothing", "/openapi.json"):
        assert "no-store" in call("GET", path).headers["Cache-Control"]


# Faults


def test_a_bug_is_told_with_the_id_that_the_log_has(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("a bug with a secret in it")

    monkeypatch.setattr("experiments_app.api.tasks.page_of", break_down)
    response = call("GET", "/tasks", **{"X-Request-ID": "one-of-ours-4711"})
    assert refusal(response)[:2] == (500, "internal")
    assert "one-of-ours-4711" in response.data["error"]["message"]
    assert "secret" not in response.text_sent


def test_a_database_that_is_away_is_told_in_json(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("experiments_app.api.auth.find_token", away)
    monkeypatch.setattr("autotuner_site.request_ids._database_answers", lambda: False)
    response = call("GET", "/tasks")
    assert refusal(response)[:2] == (503, "unavailable")
    assert response.headers["Retry-After"] == "10"


# The page of tokens


def test_a_token_is_shown_once_and_only_its_hash_is_kept(client: Client) -> None:
    user = factories.make_user(role=Role.VIEWER)
    client.force_login(user)
    made = client.post("/account/tokens", {"name": "ci", "lasts": "30"})
    token = ApiToken.objects.get()
    secret = made.context["new"].secret
    assert secret in made.content.decode()
    assert "no-store" in made.headers["Cache-Control"]
    assert token.expires_at is not None
    assert secret not in str(ApiToken.objects.values().get())
    assert secret not in client.get("/account/tokens").content.decode()
    assert Caller(secret=secret)("GET", "/me").data["username"] == "ada"
    assert AuditEntry.objects.filter(action="account.token_made", who="ada").exists()


def test_one_sees_and_revokes_ones_own_and_an_administrator_all(client: Client) -> None:
    user = factories.make_user("eve", role=Role.OPERATOR)
    own = make_token(user, "own").token
    other = make_token(factories.make_user("ada"), "others").token
    client.force_login(user)
    page = client.get("/account/tokens").content.decode()
    assert "own" in page
    assert "others" not in page
    client.post(f"/account/tokens/{other.pk}/revoke")
    client.post(f"/account/tokens/{own.pk}/revoke")
    other.refresh_from_db()
    own.refresh_from_db()
    assert (other.state, own.state) == ("not used yet", "revoked")
    client.force_login(factories.make_user("root"))
    assert "others" in client.get("/account/tokens").content.decode()
    client.post(f"/account/tokens/{other.pk}/revoke")
    other.refresh_from_db()
    assert other.state == "revoked"
    assert AuditEntry.objects.filter(action="account.token_revoked", who="root").exists()


@pytest.mark.parametrize(
    "sent", [{"name": ""}, {"name": "a\x00b"}, {"name": "x" * 101}, {"name": "ci", "lasts": "7"}]
)
def test_what_no_token_can_be_is_told(client: Client, sent: dict[str, str]) -> None:
    client.force_login(factories.make_user())
    assert client.post("/account/tokens", sent).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_form_that_is_sent_again_makes_no_second_token(client: Client) -> None:
    client.force_login(factories.make_user())
    client.post("/account/tokens", {"name": "ci"})
    again = client.post("/account/tokens", {"name": "ci"})
    assert (again.status_code, ApiToken.objects.count()) == (422, 1)
    revoke_token(ApiToken.objects.get())
    assert client.post("/account/tokens", {"name": "ci"}).status_code == 200
