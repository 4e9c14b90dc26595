"""Secrets planted wherever one can be typed or set; then all that a real run writes and serves."""

import base64
import json
import re
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import httpx
import psutil
import pytest

from tests.every_url import PLACES
from tests.experiments_app.own_engine import SERVER, install_runtime, paced_data
from tests.system.conftest import PORTS
from tests.system.site import Site, free_port

MARK = "sesame4711"
# Every 3 bytes become 4 letters, so that the same text has three looks inside of a longer one.
LOOKS = [MARK] + [base64.b64encode(b"x" * at + MARK.encode()).decode()[4:-4] for at in range(3)]
PASSWORD = f"{MARK}-of-the-administrator"
OF_THE_ENVIRONMENT = {
    "SECRET_KEY": f"{MARK}-signs-{'0123456789abcdefghij' * 3}",
    "HF_TOKEN": f"hf_{MARK}_site",
    "HTTP_PROXY": f"http://site:{MARK}_site@proxy.example:3128",
    "METRICS_TOKEN": f"{MARK}-metrics",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}
SET_IN_THE_BROWSER = {
    "HTTPS_PROXY": f"http://site:{MARK}_browser@proxy.example:3128",
    "HF_ENDPOINT": f"https://{MARK}_endpoint_token@hub.example",
    "DOCKER_REGISTRY_USER": "ada",
    "DOCKER_REGISTRY_PASSWORD": f"{MARK}_registry",
    "HF_HUB_OFFLINE": "on",
}
OF_THE_TASK: dict[str, Any] = {
    "environment": {
        "HF_TOKEN": f"hf_{MARK}_environment",
        "MY_API_KEY": f"key-{MARK}",
        "DB_PASSWORD": f"pa {MARK} <&> ss",
        "AWS_SECRET_ACCESS_KEY": f"{MARK}/+aws",
        "DATABASE_URL": f"postgres://user:{MARK}_url@db.example/x",
        "PIP_INDEX_URL": f"https://{MARK}_index_token@pypi.example/simple",
    },
    "access": {
        "hub_token": f"hf_{MARK}_access",
        "http_proxy": f"http://ada:{MARK}_proxy@proxy.example:3128",
        "https_proxy": f"http://ada:{MARK}_s%40proxy@proxy.example:3128",
    },
}
# A server that tells all it was given, before it serves. No braces: they are a runtime's own.
TELLTALE = (
    "import json, os, runpy, sys;"
    "print(*map('='.join, os.environ.items()), sep='\\n', flush=True);"
    "print(json.dumps(dict(os.environ)), flush=True);"
    "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)
# One repeats its key in each answer, the other crashes, and the end of its output is shown.
FAULTS = ["error", "die-after"]


class Visitor:
    """The administrator's browser, without scripts."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(base_url=self.root, timeout=60, trust_env=False)
        self.post("/sign-in/", {"username": "admin", "password": PASSWORD}, at="/sign-in/")

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path)

    def post(self, path: str, data: dict[str, Any], *, at: str = "/") -> httpx.Response:
        """`at`: the page whose form it is."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(at).text)
        assert token, at
        fields = data | {"csrfmiddlewaretoken": token[1]}
        return self._client.post(path, data=fields, headers={"referer": self.root + at})

    def everything(self, starts: list[str]) -> Iterator[tuple[str, str]]:
        """Address and answer of all that can be reached by links and by what pages load.

        Of the choices that a page offers (order, filter, chart) each is followed once, and not in
        each combination with the others.
        """
        waiting, seen = deque(starts), {piece for path in starts for piece in pieces(path)}
        while waiting:
            path = waiting.popleft()
            response = self.get(path)
            assert response.status_code < 500, (path, response.text[:300])
            heads = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
            yield path, f"{heads}\n{response.text}"
            if "html" not in response.headers.get("content-type", ""):
                continue
            for found in re.findall(r'(?:href|hx-get|src|action)="([^"#]+)', response.text):
                link = urlsplit(urljoin(self.root + path, found.replace("&amp;", "&")))
                onward = link.path + (f"?{link.query}" if link.query else "")
                is_ours = f"{link.scheme}://{link.netloc}" == self.root
                if is_ours and wanted(link.path, link.query) and not pieces(onward) <= seen:
                    seen |= pieces(onward)
                    waiting.append(onward)


def pieces(address: str) -> set[tuple[str, str]]:
    """The page, and each choice on it."""
    path, _, query = address.partition("?")
    return {(path, choice) for choice in ("", *query.split("&"))}


def wanted(path: str, query: str) -> bool:
    """Neither the program's own files, nor the orders and filters of lists, nor the way out."""
    is_ours = not path.startswith(("/static/", "/help/", "/sign-out"))
    return is_ours and not (
        query and path.startswith(("/admin/", "/system/audit/")) and len(path) > 7
    )


class Findings:
    """Where a secret stood, and in which words."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def look(self, where: str, text: str) -> None:
        self.found += [
            (where, text[max(text.index(look) - 80, 0) : text.index(look) + 40])
            for look in LOOKS
            if look in text
        ]

    def look_under(self, home: Path, when: str) -> None:
        """Every file, as the bytes that lie on the disk."""
        for path in home.rglob("*"):
            if path.is_file() and path.name not in {"secret_key", "settings_key"}:
                name = f"{path.relative_to(home)}, {when}"
                self.look(name, path.read_bytes().decode("latin-1"))


class Watch:
    """Notes the command line of every process of a family."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._parent = psutil.Process(process.pid)
        self.lines: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            try:
                family = [self._parent, *self._parent.children(recursive=True)]
            except psutil.Error:
                continue
            for one in family:
                try:
                    self.lines.add(" ".join(one.cmdline()))
                except psutil.Error:
                    continue

    def end(self) -> None:
        self._ended.set()
        self._thread.join(timeout=20)


@pytest.fixture
def planted(tmp_path: Path, empty_database: Path) -> Iterator[Site]:
    home = tmp_path / "home"
    site = Site(home, PORTS, environment=OF_THE_ENVIRONMENT | {"TMPDIR": str(home / "tmp")})
    (home / "tmp").mkdir()
    (home / "autotuner.db").write_bytes(empty_database.read_bytes())
    install_runtime(
        home / "runtimes", command=["python", "-c", TELLTALE, str(SERVER), "--port", "{port}"]
    )
    yield site
    site.close()


def test_a_secret_in_any_look_is_found(tmp_path: Path) -> None:
    findings = Findings()
    findings.look("nothing", "sesame")
    assert not findings.found
    for start in ("", "a", "ab"):
        (tmp_path / f"file{start}").write_bytes(base64.b64encode(f"{start}{MARK}_x".encode()))
    findings.look_under(tmp_path, "now")
    assert len(findings.found) == 3
    findings.look("a page", f"token {MARK}")
    assert findings.found[-1] == ("a page", f"token {MARK}")


def import_task(admin: Visitor) -> str:
    """Stores and starts it; returns what is answered to one that is refused."""
    data = paced_data(parameters={"fault": FAULTS}, **OF_THE_TASK)
    sent = {"action": "save", "source": "pasted", "chosen": "0"}
    wrong = sent | {"text": json.dumps(data | {"task_nam": ""})}
    refused = admin.post("/tasks/import", wrong, at="/tasks/import")
    right = sent | {"text": json.dumps(data)}
    assert admin.post("/tasks/import", right, at="/tasks/import").status_code == 302
    assert admin.post("/tasks/1/start", {}).status_code == 302
    return f"{refused.headers}"


def starts() -> list[str]:
    """Where the way through the site begins: each address that is looked at."""
    one = SimpleNamespace(pk=1)
    kinds = ("pending", "running", "completed", "other", "preset", "dataset", "token")
    world: Any = SimpleNamespace(experiment=SimpleNamespace(pk=2), **dict.fromkeys(kinds, one))
    places = [
        f"{place.path(world)}?{urlencode(dict(place.query(world)), doseq=True)}"
        for place in PLACES
        if "GET" in place.methods
    ]
    more = ["/", "/admin/", "/tasks/1/edit?view=yaml", "/tasks/1/export?format=json", "/nowhere"]
    return [*places, *more, "/system/audit/export?format=csv", "/system/audit/export?format=jsonl"]


def what_commands_say(site: Site) -> Iterator[tuple[str, str]]:
    commands = (
        ("export_task", "paced"),
        ("export_results", "paced"),
        ("export_results", "paced", "--format", "csv"),
        ("doctor", "--json"),
        ("backup", str(site.home / "whole.tar"), "--with-results"),
    )
    begun = [(command, site.start(*command)) for command in commands]
    for command, process in begun:
        told = "".join(process.communicate(timeout=120))
        assert process.returncode == 0 or command[0] == "doctor", told
        yield " ".join(command), told


def test_a_real_run_writes_and_serves_none_of_them(planted: Site) -> None:
    site, findings = planted, Findings()
    made = site.manage("createsuperuser", "--no-input", "--username=admin", "--email=a@b.example")
    assert made.returncode == 0, made.stderr
    port = free_port()
    serve = site.start("serve", "--bind", f"127.0.0.1:{port}")
    watch = Watch(serve)
    site.wait_for_port(port, timeout_s=90)
    admin = Visitor(port)
    settled = admin.post("/system/settings", SET_IN_THE_BROWSER, at="/system/settings")
    assert settled.status_code == 302

    findings.look("a task that is refused", import_task(admin))
    site.wait_for_row("SELECT 1 FROM experiments_app_experiment WHERE status = 'benchmarking'")
    given = [process.environ().get("HF_TOKEN") for process in site.children()]
    assert f"hf_{MARK}_access" in given  # who needs one does get it
    for path in ("/tasks/1/", "/tasks/1/log", "/experiments/1/"):
        findings.look(f"{path}, under way", admin.get(path).text)
    findings.look_under(site.home, "under way")
    ended = "SELECT 1 FROM tasks_app_task WHERE status IN ('completed', 'failed')"
    site.wait_for_row(ended, timeout_s=180)

    server_log = next(site.home.rglob("server.log")).read_text()
    assert "HF_TOKEN=" in server_log  # it did tell
    served = list(admin.everything(starts()))
    assert len(served) > 100
    for path, text in served:
        findings.look(path, text)
    bearer = {"authorization": f"Bearer {OF_THE_ENVIRONMENT['METRICS_TOKEN']}"}
    figures = httpx.get(f"{admin.root}/metrics", headers=bearer, trust_env=False)
    assert figures.status_code == 200
    findings.look("/metrics", figures.text)
    for command, told in what_commands_say(site):
        findings.look(command, told)
    serve.terminate()
    serve.wait(timeout=30)
    watch.end()
    assert any(str(SERVER) in line for line in watch.lines)
    assert any("genai" in line or "launcher" in line for line in watch.lines)
    findings.look("the command lines", "\n".join(watch.lines))
    findings.look("what the site said", site.said.read_text())
    findings.look_under(site.home, "afterwards")
    assert not findings.found, "\n".join(map(str, findings.found[:40]))
