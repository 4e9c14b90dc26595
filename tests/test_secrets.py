"""Secrets of a task and of the site, planted, then looked for in everything that is served."""

import base64
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from experiments_app.charts.registry import CHARTS
from experiments_app.models import Channel, Delivery
from experiments_app.notifications.deliver import send_due
from experiments_app.site_settings import store
from tests import factories
from tests.attacker import Fields
from tests.every_url import PLACES, World, admin_paths
from tests.factories import edit

pytestmark = pytest.mark.django_db
# Each has this in it, and nothing else of a page has.
MARK = "sesame4711"
OF_TASKS: dict[str, Any] = {
    "environment": {
        "HF_TOKEN": f"hf_{MARK}_environment",
        "MY_API_KEY": f"key-{MARK}",
        "DB_PASSWORD": f"pa {MARK} <&'\"> ss",
        "DATABASE_URL": f"postgres://user:{MARK}_url@db.example/x",
        "PIP_INDEX_URL": f"https://{MARK}_index_token@pypi.example/simple",
    },
    "access": {
        "hub_token": f"hf_{MARK}_access",
        "http_proxy": f"http://ada:{MARK}_proxy@proxy.example:3128",
        "https_proxy": f"http://ada:{MARK}_s%40proxy@proxy.example:3128",
    },
}
OF_THE_SITE = {
    "HF_TOKEN": f"hf_{MARK}_site",
    "HTTP_PROXY": f"http://site:{MARK}_site@proxy.example:3128",
    "DOCKER_REGISTRY_PASSWORD": f"{MARK}_registry",
}
LATER = {"environment": OF_TASKS["environment"] | {"HF_TOKEN": f"hf_{MARK}_later"}}


@pytest.fixture(params=["local", "docker"])
def world(request: pytest.FixtureRequest) -> World:
    more = {"runtime_image": "registry.example/llamacpp:1"} if request.param == "docker" else {}
    world = World.make(deployment_mode=request.param, **OF_TASKS, **more)
    for task in (world.completed, world.pending):
        edit(task, user=world.admin, **LATER)  # so that versions and runs differ in one
        task.refresh_from_db()
    for name, value in OF_THE_SITE.items():
        store(name, value, world.admin)
    _plant_in_channels(world)
    return world


def _plant_in_channels(world: World) -> None:
    """A webhook's address is often a secret by itself; a delivery is made again, and tried."""
    key = base64.b64encode(MARK.encode()).decode()
    Channel.objects.update(
        private={"url": f"https://10.0.0.1/{MARK}/x?key={MARK}", "secret": f"whsec_{key}"}
    )
    factories.make_task(**OF_TASKS).cancel()
    send_due()
    assert Delivery.objects.filter(tries=1, task_status="cancelled").count() == 3


def browser_of(world: World) -> Client:
    """The administrator's: nobody is shown more."""
    client = Client()
    client.force_login(world.admin)
    return client


def body_of(response: Any) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    heads = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return f"{heads}\n{body.decode('utf-8', 'replace')}"


def addresses(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that can be read, in each form in which it comes."""
    for place in PLACES:
        if "GET" in place.methods and place.name not in {"machine_check", "model_check"}:
            yield place.path(world), dict(place.query(world))
    yield from ((path, {}) for name, path in admin_paths(world) if name != "admin:logout")
    done, other = f"/tasks/{world.completed.pk}", f"/tasks/{world.pending.pk}"
    yield from ((f"{done}/history/{number}", {}) for number in (1, 2, 3))
    yield from ((f"{done}/charts/{name}.svg", {}) for name in ("score", "progress", "parallel"))
    yield from ((f"{done}/charts/{name}", {}) for name in CHARTS)
    yield f"{done}/export", {"format": "json"}
    yield f"{other}/edit", {"view": "yaml"}
    yield f"{other}/", {}
    yield f"/tasks/{world.running.pk}/", {}
    yield "/tasks/new", {"view": "yaml"}
    yield "/presets/new", {"task": world.completed.pk}
    yield "/compare", {"run": [f"{world.completed.pk}.1", f"{world.running.pk}.1"]}
    yield "/system/", {"show": "all"}
    yield "/system/checks", {"all": ""}


def api_addresses(world: World) -> Iterator[str]:
    for task in (world.pending, world.running, world.completed):
        for what in ("", "/runs", "/experiments", "/log", "/results", "/results?format=csv"):
            yield f"/api/v1/tasks/{task.pk}{what}"
    yield from (f"/api/v1/{what}" for what in ("tasks", "experiments", "presets", "system", "me"))
    yield from (f"/api/v1/experiments/{world.experiment.pk}{what}" for what in ("", "/log"))
    yield from (f"/api/v1/system/{what}" for what in ("docker", "gpus", "models", "storage"))
    yield from ("/api/v1/runtimes/llamacpp", "/api/v1/openapi.json")


def test_no_page_and_no_file_shows_one(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = browser_of(world)
    found = []
    for path, query in addresses(world):
        for headers in ({}, {"hx-request": "true"}):
            text = body_of(client.get(path, query_params=query, headers=headers))
            if MARK in text:
                at = text.index(MARK)
                found.append((path, query, headers, text[max(at - 60, 0) : at + 30]))
    assert not found, "\n".join(map(str, found))
    assert MARK not in caplog.text


def test_no_answer_of_the_api_shows_one(world: World) -> None:
    client = browser_of(world)
    found = []
    for path in api_addresses(world):
        response = client.get(path)
        assert response.status_code == 200, path
        found += [path] if MARK in body_of(response) else []
    assert not found


def test_no_answer_to_a_form_repeats_one(world: World) -> None:
    """Refused, in conflict, or turned into the other form: what a field for a secret is sent with
    does not come back either. Variables and the YAML form do: they are more than secrets."""
    client = browser_of(world)
    path = f"/tasks/{world.pending.pk}/edit"
    fields = Fields(client.get(path).content.decode()).values
    typed = fields | {"hub_token": f"hf_{MARK}_typed"}
    for sent in (
        fields | {"task_name": ""},
        fields | {"version": "1", "task_name": "changed meanwhile"},
        fields | {"action": "as_yaml"},
        fields | {"action": "add_parameters"},
        typed | {"task_name": ""},
        typed | {"version": "1"},
        typed | {"action": "as_yaml"},
        typed | {"action": "add_parameters"},
    ):
        for target in (path, f"/tasks/{world.pending.pk}/check"):
            assert MARK not in body_of(client.post(target, sent)), (target, sent.get("action"))


def test_what_is_done_to_many_shows_none(world: World) -> None:
    client = browser_of(world)
    tasks = [world.pending.pk, world.completed.pk, world.other.pk]
    page = client.post("/tasks/bulk", {"task": tasks, "action": "edit"})
    choices = page.context["form"].fields["field"].choices
    names = [name for _, group in choices if isinstance(group, list) for name, _ in group]
    assert len(names) > 20
    for name in names:
        sent = {"task": [world.pending.pk], "action": "edit", "field": name}
        assert MARK not in body_of(client.post("/tasks/bulk", sent)), name
    text = body_of(client.post("/tasks/export", {"task": tasks}))
    assert text.count("task_name") == 3
    assert MARK not in text


def test_the_mask_of_a_secret_is_what_each_task_has_there(world: World) -> None:
    client = browser_of(world)
    tasks = [world.pending, world.other]  # of which one has another token
    chosen = {"task": [task.pk for task in tasks], "action": "edit", "field": "environment"}
    shown = client.post("/tasks/bulk", chosen).context["form"].initial["value"]
    assert "HF_TOKEN" in shown
    client.post("/tasks/bulk", chosen | {"sure": "1", "value": f"{shown}\nPLAIN: added"})
    for task in tasks:
        before = task.spec.environment
        task.refresh_from_db()
        assert task.spec.environment == before | {"PLAIN": "added"}


def test_a_copy_keeps_them_to_itself(world: World) -> None:
    client = browser_of(world)
    response = client.post(f"/tasks/{world.completed.pk}/duplicate", follow=True)
    assert response.status_code == 200
    assert MARK not in body_of(response)
