"""How the server is run, through the form as a browser without JavaScript sends it."""

from html.parser import HTMLParser

import pytest
from django.test import Client

from tasks_app.models import Task
from tests.factories import make_task, make_user

pytestmark = pytest.mark.django_db

SECRET = "s3cr3t"
TOKEN = f"hf_{SECRET}-0123"
PROXY = f"http://user:{SECRET}-pw@proxy.example:3128"
ACCESS = {"http_proxy": "", "https_proxy": PROXY, "no_proxy": None, "hub_token": TOKEN}
CONTAINER = {
    "network": "bridge",
    "ipc": "private",
    "shm_size_gib": 2.5,
    "memory_gib": 64.0,
    "cpus": 4.0,
    "ulimits": {"memlock": -1},
    "volumes": ["/srv/loras:/loras", "/srv/cache:/cache:rw"],
}


class SentFields(HTMLParser):
    """What a browser sends of the task form, the buttons apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._inside = self._in_template = False
        self._text_of = self._choice_of = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        name = values.get("name", "")
        if tag == "form":
            self._inside = values.get("id") == "task-form"
        self._in_template = self._in_template or tag == "template"
        if not self._inside or self._in_template:
            return
        is_choice = values.get("type") in {"radio", "checkbox"}
        if tag == "input" and (not is_choice or "checked" in values):
            self.fields[name] = values.get("value", "on" if is_choice else "")
        elif tag == "textarea":
            self._text_of = name
            self.fields[name] = ""
        elif tag == "select":
            self._choice_of = name
        elif tag == "option" and ("selected" in values or self._choice_of not in self.fields):
            self.fields[self._choice_of] = values["value"]

    def handle_data(self, data: str) -> None:
        if self._text_of:
            self.fields[self._text_of] += data

    def handle_endtag(self, tag: str) -> None:
        self._in_template = self._in_template and tag != "template"
        if tag == "textarea":
            self.fields[self._text_of] = self.fields[self._text_of].removeprefix("\n")
            self._text_of = ""


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def secretive_task() -> Task:
    return make_task(
        environment={"API_KEY": f"{SECRET}-key"},
        use_gpus=False,
        container=CONTAINER,
        readiness={"health_path": "/ready", "interval_s": 0.5, "timeout_s": 600.0},
        access=ACCESS,
    )


def shown(browser: Client, task: Task, view: str = "form") -> dict[str, str]:
    page = browser.get(f"/tasks/{task.pk}/edit", {"view": view}).text
    assert SECRET not in page
    return SentFields(page).fields


def send(browser: Client, task: Task, fields: dict[str, str], **changes: str) -> str:
    """Click a button: the page that comes back, "" where the task was saved."""
    answer = browser.post(f"/tasks/{task.pk}/edit", fields | changes)
    return "" if answer.status_code == 302 else answer.text


@pytest.mark.parametrize("view", ["form", "yaml"])
def test_it_gives_a_task_back_as_it_was(browser: Client, view: str) -> None:
    task = secretive_task()
    assert send(browser, task, shown(browser, task, view), action="save") == ""
    assert Task.objects.get(pk=task.pk).spec_data() == task.spec_data()


def test_it_carries_everything_from_the_form_to_yaml_and_back(browser: Client) -> None:
    task = secretive_task()
    in_yaml = send(browser, task, shown(browser, task), action="as_yaml")
    in_form = send(browser, task, SentFields(in_yaml).fields, action="as_form")
    assert SECRET not in in_yaml + in_form
    assert send(browser, task, SentFields(in_form).fields, action="save") == ""
    assert Task.objects.get(pk=task.pk).spec_data() == task.spec_data()


def test_it_keeps_stored_secrets_through_a_mistake(browser: Client) -> None:
    task = secretive_task()
    page = send(browser, task, shown(browser, task), action="save", cpus="many")
    assert "must be a number" in page
    assert SECRET not in page
    assert send(browser, task, SentFields(page).fields, action="save", cpus="4.0") == ""
    assert Task.objects.get(pk=task.pk).spec_data() == task.spec_data()


def test_a_token_is_written_and_never_read(browser: Client) -> None:
    task = secretive_task()
    fields = shown(browser, task)
    assert fields["hub_token"] == ""
    assert "hub_token-clear" not in fields
    assert send(browser, task, fields, action="save", cpus="3") == ""
    assert Task.objects.get(pk=task.pk).access["hub_token"] == TOKEN
    fields = shown(browser, task)
    assert send(browser, task, fields, action="save", **{"hub_token-clear": "on"}) == ""
    assert Task.objects.get(pk=task.pk).spec.access.hub_token is None
    assert "hub_token-clear" not in browser.get(f"/tasks/{task.pk}/edit").text


def test_a_token_that_was_removed_in_yaml_stays_so_in_the_form(browser: Client) -> None:
    task = secretive_task()
    in_yaml = SentFields(send(browser, task, shown(browser, task), action="as_yaml")).fields
    lines = [line for line in in_yaml["text"].splitlines() if "hub_token" not in line]
    in_form = send(browser, task, in_yaml, action="as_form", text="\n".join(lines))
    assert send(browser, task, SentFields(in_form).fields, action="save") == ""
    assert Task.objects.get(pk=task.pk).spec.access.hub_token is None


def test_it_does_not_take_a_token_that_was_not_put_in_again_for_none(browser: Client) -> None:
    task = secretive_task()
    typed = {"cpus": "many", "hub_token": "hf_new-012345"}
    page = send(browser, task, shown(browser, task), action="save", **typed)
    again = send(browser, task, SentFields(page).fields, action="save", cpus="4")
    assert "put the value in again" in again
    assert Task.objects.get(pk=task.pk).access["hub_token"] == TOKEN


def test_no_limits_at_all_are_not_the_engine_s_own(browser: Client) -> None:
    task = make_task()
    assert send(browser, task, shown(browser, task), action="save", ulimits="{}") == ""
    assert Task.objects.get(pk=task.pk).container["ulimits"] == {}
