"""A hub of the tests' own: what the real client asks of one, and the ways in which one refuses.

The real hub can be neither reached here nor made to refuse.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.served import QuietHandler, served

COMMIT = "a" * 40
TOKENIZER: Mapping[str, bytes] = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b'{"model": {}}',
    "tokenizer_config.json": b'{"tokenizer_class": "PreTrainedTokenizerFast"}',
    "chat_template.jinja": b"{{ messages }}",
    "model.safetensors": b"weights",
    "README.md": b"# A model",
}


@dataclass
class Hub:
    """`files`: repo id -> name -> content. `answer_with`: for every request, (status, headers).
    `files_answer_with`: the same for files alone. `hangs`: takes connections and says nothing;
    `resets`: hangs up; `trickles`: gives a byte a moment. `token`: the one that it knows."""

    files: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    answer_with: tuple[int, dict[str, str]] | None = None
    files_answer_with: tuple[int, dict[str, str]] | None = None
    hangs: bool = False
    resets: bool = False
    trickles: bool = False
    page: bytes = b""
    token: str = ""
    has_accounts: bool = True
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def hub_server(certificate: Path | None = None) -> Iterator[Hub]:
    """`certificate`: a file of a key and its certificate, to speak TLS."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with served(handler, certificate=certificate) as hub.port:
        try:
            yield hub
        finally:
            hub.ended.set()


class _Handler(QuietHandler):
    hub: Hub

    def do_CONNECT(self) -> None:
        """As a proxy is asked: it refuses with whatever the test has set."""
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub = self.hub
        path = unquote(urlsplit(self.path).path)
        hub.asked.append(f"{self.command} {path}")
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given:
            hub.tokens.add(given)
        if hub.hangs:
            hub.ended.wait(60)
        if hub.hangs or hub.resets:
            self.close_connection = True
            return
        forced = hub.files_answer_with if "/resolve/" in path else None
        forced = hub.answer_with or forced
        if forced:
            self._send(forced[0], b"", forced[1])
        elif hub.page:
            self._send(200, hub.page, {"Content-Type": "text/html"})
        elif hub.token and given not in {hub.token, ""}:
            message = "Invalid credentials in Authorization header"
            self._send(401, b"", {"X-Error-Message": message})
        elif path == "/api/whoami-v2" and hub.has_accounts:
            self._json({"name": "somebody"} if given else {}, 200 if given else 401)
        elif path == "/api/models":
            self._json([])
        elif path.startswith("/api/models/"):
            self._of_repo(path.removeprefix("/api/models/"))
        else:
            self._file(path)

    def _of_repo(self, rest: str) -> None:
        repo = rest.partition("/revision/")[0]
        repo, _, tree = repo.partition("/tree/")
        files = self.hub.files.get(repo)
        if files is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif tree:
            self._json(
                [
                    {"type": "file", "path": name, "size": len(content), "oid": _etag(content)}
                    for name, content in files.items()
                ]
            )
        else:
            siblings = [{"rfilename": name} for name in files]
            self._json({"id": repo, "sha": COMMIT, "siblings": siblings})

    def _file(self, path: str) -> None:
        repo, _, rest = path.strip("/").partition("/resolve/")
        _, _, name = rest.partition("/")
        content = self.hub.files.get(repo, {}).get(name)
        if content is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            headers = {"ETag": f'"{_etag(content)}"', "X-Repo-Commit": COMMIT}
            self._send(200, content, headers)

    def _json(self, data: object, status: int = 200) -> None:
        self._send(status, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        size = 1_000_000 if self.hub.trickles else len(body)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.hub.trickles:
            while not self.hub.ended.wait(0.2):
                self.wfile.write(b" ")
        if self.command != "HEAD":
            self.wfile.write(body)


def _etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
