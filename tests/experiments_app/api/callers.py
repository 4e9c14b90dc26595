"""Callers of the API with a token of each role, as programs are."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from autotuner_site.roles import Role
from autotuner_site.tokens import make_token
from tests.factories import make_user

ROOT = "/api/v1"


class Caller:
    """Sends JSON, and gives what came back with its `data`."""

    def __init__(self, user: User | None = None, secret: str = "") -> None:
        self.user = user
        self.secret = secret or (make_token(user, "tests").secret if user else "")
        self.client = Client(raise_request_exception=False, enforce_csrf_checks=True)

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        kind: str = "application/json",
        **headers: str,
    ) -> Any:
        sent = {"authorization": f"Bearer {self.secret}"} if self.secret else {}
        text = body if isinstance(body, str | bytes) else json.dumps(body) if body else ""
        response: Any = self.client.generic(
            method, ROOT + path, text, content_type=kind, headers=sent | headers
        )
        raw = b"".join(response.streaming_content) if response.streaming else response.content
        is_json = "json" in response.headers.get("Content-Type", "")
        response.data = json.loads(raw) if is_json and raw else None
        response.text_sent = raw.decode("utf-8", "replace")
        return response


def caller(role: Role = Role.OPERATOR) -> Caller:
    return Caller(make_user(role.word, role=role))


def refusal(response: Any) -> tuple[int, str, list[str]]:
    """Status, kind, and where the problems are; fails where the answer has not the one shape."""
    assert set(response.data) == {"error"}
    error = response.data["error"]
    assert {"kind", "message", "problems"} <= set(error)
    assert all(set(problem) == {"path", "message", "hint"} for problem in error["problems"])
    assert error["message"]
    return response.status_code, error["kind"], [one["path"] for one in error["problems"]]
