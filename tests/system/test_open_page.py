"""A page that stays open while the site and its consumer come and go."""

from subprocess import Popen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.experiments_app.own_engine import paced_data
from tests.system.site import PROJECT_ROOT, Site, free_port

pytestmark = pytest.mark.browser
SIGN_IN = """
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
user = User.objects.create_superuser("ada")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print("session:" + session.session_key)
"""
NOTICE = "The consumer is not running"


def web(site: Site, port: int) -> Popen[str]:
    """The site's web server alone, without a consumer."""
    program = (
        "import os, runpy, sys;"
        f"sys.path.insert(0, {str(PROJECT_ROOT)!r});"
        f"sys.argv = ['gunicorn', '-c', 'python:experiments_app.gunicorn_config',"
        f" '-b', '127.0.0.1:{port}', 'autotuner_site.wsgi'];"
        "runpy.run_module('gunicorn', run_name='__main__')"
    )
    return site.start("shell", "--verbosity=0", "-c", program)


def open_task(site: Site, chromium: Browser, port: int) -> Page:
    done = site.manage("shell", "--verbosity=0", "-c", SIGN_IN)
    key = done.stdout.partition("session:")[2].strip()
    assert key, done.stderr
    address = f"http://127.0.0.1:{port}"
    context = chromium.new_context(base_url=address)
    context.add_cookies([{"name": "autotuner_session", "value": key, "url": address}])
    page = context.new_page()
    page.goto("/tasks/1/")
    return page


def test_the_page_outlives_the_site_and_says_when_nobody_works(
    site: Site, chromium: Browser
) -> None:
    data = paced_data(benchmark={"max_requests_per_level": 2000})
    assert site.manage("import_task", str(site.write_task(data))).returncode == 0
    port = free_port()
    first = web(site, port)
    site.start_task("paced")
    site.wait_for_port(port)
    page = open_task(site, chromium, port)
    notice = page.get_by_text(NOTICE)
    expect(notice).to_be_visible(timeout=90_000)

    consumer = site.start("run_consumer")
    expect(page.locator("#now")).to_contain_text("measuring", timeout=120_000)
    expect(notice).to_have_count(0)
    consumer.kill()
    expect(notice).to_be_visible(timeout=120_000)

    page.evaluate("window.notReloaded = true")
    first.terminate()
    first.wait(timeout=60)
    expect(page.locator("#connection-lost")).to_be_visible(timeout=90_000)
    web(site, port)
    expect(page.locator("#connection-lost")).to_be_hidden(timeout=90_000)
    site.start("run_consumer")
    expect(notice).to_have_count(0, timeout=90_000)
    assert page.evaluate("window.notReloaded")
    page.context.close()
