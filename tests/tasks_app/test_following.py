"""What a page that follows a run is answered: nothing, what happens now, or everything anew."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from experiments_app import task_log
from tasks_app.models import Task
from tests.factories import completed_task, running_task, succeed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr("experiments_app.standing.timezone.now", lambda: now)


def poll_url(browser: Client, task: Task) -> str:
    text = browser.get(f"/tasks/{task.pk}/").content.decode()
    found = re.search(r'data-hx-get="([^"]+)"', text)
    assert found
    return found[1].replace("&amp;", "&")


def poll(browser: Client, url: str, etag: str = "") -> Any:
    headers = {"HX-Request": "true"} | ({"If-None-Match": etag} if etag else {})
    return browser.get(url, headers=headers)


def test_it_gets_nothing_where_nothing_is_new(browser: Client) -> None:
    url = poll_url(browser, running_task())
    first = poll(browser, url)
    again = poll(browser, url, first["ETag"])
    assert again.status_code == 304
    assert again.content == b""


def test_it_gets_what_happens_now_while_the_results_are_the_same(browser: Client) -> None:
    task = running_task()
    url = poll_url(browser, task)
    first = poll(browser, url)
    current = task.experiments.get(number=4)
    current.write("factory", progress=current.progress | {"requests": 20})
    response = poll(browser, url, first["ETag"])
    assert response["HX-Retarget"] == "#now"
    assert "20 of 24 requests" in response.content.decode()
    assert 'id="live"' not in response.content.decode()
    assert len(response.content) < 4000


def test_it_gets_everything_when_an_experiment_has_ended(browser: Client) -> None:
    task = running_task()
    url = poll_url(browser, task)
    etag = poll(browser, url)["ETag"]
    task.experiments.get(number=4).succeed("factory", score=140.0, slo_excess=None)
    response = poll(browser, url, etag)
    assert "HX-Retarget" not in response
    assert 'id="live"' in response.content.decode()


def test_it_is_told_that_the_log_has_grown(browser: Client) -> None:
    task = running_task()
    url = poll_url(browser, task)
    etag = poll(browser, url)["ETag"]
    task_log.write(task.pk, "something", run=1)
    assert poll(browser, url, etag).status_code == 200


def test_it_is_told_of_the_time_now_and_then(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = poll_url(browser, running_task())
    etag = poll(browser, url)["ETag"]
    later = datetime.fromtimestamp(timezone.now().timestamp() + 11, timezone.get_current_timezone())
    monkeypatch.setattr("experiments_app.standing.timezone.now", lambda: later)
    assert poll(browser, url, etag).status_code == 200


def test_a_part_is_never_taken_for_the_page(browser: Client) -> None:
    task = running_task()
    for response in (browser.get(f"/tasks/{task.pk}/"), poll(browser, poll_url(browser, task))):
        assert "HX-Request" in response["Vary"]
        assert "no-cache" in response["Cache-Control"]


def test_it_asks_the_database_as_often_however_many_experiments_there_are(
    browser: Client,
) -> None:
    few, many = running_task(2), running_task(4)
    counts = []
    for task in (few, many):
        url = poll_url(browser, task)
        etag = poll(browser, url)["ETag"]
        for sent, status in ((etag, 304), ("", 200)):
            with CaptureQueriesContext(connection) as queries:
                response: HttpResponse = poll(browser, url, sent)
            assert response.status_code == status
            counts.append(len(queries))
    assert counts[0] == counts[2] <= 7
    assert counts[1] == counts[3] <= 8


def test_it_never_follows_what_has_ended(browser: Client) -> None:
    task = running_task(2)
    succeed(task.experiments.get(number=2), 70.0)
    task.complete("done")
    assert 'data-hx-trigger="every' not in browser.get(f"/tasks/{task.pk}/").content.decode()


def test_earlier_runs_are_one_click_away(browser: Client) -> None:
    task = completed_task((50.0,))
    task.restart()
    text = browser.get(f"/tasks/{task.pk}/?run=1").content.decode()
    assert "Run 1 of 2" in text
    assert f'href="/tasks/{task.pk}/"' in text
    assert f'href="/tasks/{task.pk}/?run=1"' in browser.get(f"/tasks/{task.pk}/").content.decode()
