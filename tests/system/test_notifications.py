"""A real site tells a real receiver: also what was written before it was killed, and once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.experiments_app.own_engine import paced_data
from tests.smtp_receiver import Mailbox, receiving_mail
from tests.system.conftest import PORTS
from tests.system.site import Site, free_port
from tests.waiting import wait_for
from tests.webhook_receiver import Receiver, receiving

# The process that ends a task ends itself: nothing is left that could send it.
BEGIN = """
from experiments_app.lifecycle import cancel_task
from tasks_app.models import Task
from tasks_app.spec import TaskSpec
from tests.factories import make_channel, make_email_channel, make_user
user = make_user("ada")
hook = make_channel(user, {url!r})
make_email_channel(user, "ada@example.org")
first, paced = (Task.create(TaskSpec.from_data(data)) for data in {tasks!r})
cancel_task(first)
print(hook.secret)
"""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as mailbox:
        yield mailbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def site(
    tmp_path: Path, empty_database: Path, receiver: Receiver, mailbox: Mailbox
) -> Iterator[Site]:
    more = {"TASK_HOSTS": "127.0.0.1", "EMAIL_URL": mailbox.url, "SITE_URL": "https://a.example"}
    site = Site(tmp_path / "home", PORTS, environment=more)
    (site.home / "autotuner.db").write_bytes(empty_database.read_bytes())
    yield site
    site.close()


def test_each_end_arrives_once_whatever_was_killed_in_between(
    site: Site, receiver: Receiver, mailbox: Mailbox
) -> None:
    load = {"max_requests_per_level": 4}
    tasks = [
        paced_data(task_name=name, benchmark=load, optimization={"max_iterations": 1})
        for name in ("first", "paced")
    ]
    begin = BEGIN.format(url=receiver.url, tasks=tasks)
    done = site.manage("shell", "--verbosity=0", "-c", begin)
    assert done.returncode == 0, done.stderr
    secret = done.stdout.split()[-1]
    serve = site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    wait_for(lambda: receiver.received and mailbox.received, timeout_s=120)

    site.start_task("paced")
    wait_for(lambda: len(receiver.received) > 1 and len(mailbox.received) > 1, timeout_s=180)
    serve.terminate()
    serve.wait(30)
    types = [got.data["type"] for got in receiver.received]
    assert types == ["task.cancelled", "task.completed"]
    assert all(got.is_signed_with(secret) for got in receiver.received)
    ended = receiver.received[1].data["data"]
    results = site.results("paced")
    assert ended["url"] == "https://a.example/tasks/2/?run=1"
    assert (ended["verdict"], ended["gain"]) == (results["verdict"], results["gain"])
    assert ended["best"]["number"] == results["best"]["number"]
    assert [m["Subject"].split(":")[0].strip() for m in mailbox.received] == [
        "[Autotuner] first cancelled",
        "[Autotuner] paced completed",
    ]
    rows = site.rows("SELECT status, attempts FROM experiments_app_delivery")
    assert [(status, len(json.loads(attempts))) for status, attempts in rows] == [
        ("delivered", 1)
    ] * 4
    said = site.said.read_text()
    assert "very-secret-path" not in said
    assert secret not in said
