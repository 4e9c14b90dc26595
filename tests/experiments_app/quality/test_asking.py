"""Asking servers for greedy answers: what they are asked, and what becomes of their faults."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from experiments_app.quality.answers import Prompt
from experiments_app.quality.asking import Asking
from tests.known_pace_server import KnownPaceServer
from tests.served import QuietHandler, served

PROMPTS = (Prompt("one", "Say one."), Prompt("two", "Say two."))


@contextmanager
def answering(*, refuses_logprobs: bool = False) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that says `one two`; its address, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            refused = refuses_logprobs and "logprobs" in body
            told = [{"token": "one", "logprob": -0.1}, {"token": " two", "logprob": -0.2}]
            choice: dict[str, Any] = {"message": {"content": "one two"}}
            if "logprobs" in body:
                choice["logprobs"] = {"content": told}
            content = json.dumps({"choices": [choice]}).encode()
            self.send_response(400 if refused else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with served(Handler) as port:
        yield f"http://127.0.0.1:{port}", asked


def asking(url: str, **changes: Any) -> Asking:
    wish: dict[str, Any] = {
        "max_tokens": 8,
        "seed": 7,
        "additional_params": {"temperature": 0.9, "top_p": 0.5, "chat_template_kwargs": {}},
        "should_stop": lambda: None,
    }
    return Asking(url, "m", **(wish | changes))


def test_it_asks_greedily_and_keeps_tokens_and_log_probabilities() -> None:
    with answering() as (url, requests):
        found = asking(url).ask(PROMPTS, max_s=30)
    assert [answer.prompt for answer in found.answers] == ["one", "two"]
    assert found.answers[0].text == "one two"
    assert found.answers[0].tokens == ("one", " two")
    assert found.answers[0].logprobs == (-0.1, -0.2)
    assert requests[0] == {
        "chat_template_kwargs": {},
        "model": "m",
        "messages": [{"role": "user", "content": "Say one."}],
        "temperature": 0.0,
        "seed": 7,
        "max_tokens": 8,
        "stream": False,
        "logprobs": True,
    }


def test_an_engine_that_tells_no_log_probabilities_is_asked_without() -> None:
    with answering(refuses_logprobs=True) as (url, requests):
        found = asking(url).ask(PROMPTS, max_s=30)
    assert [answer.text for answer in found.answers] == ["one two"] * 2
    assert found.answers[0].tokens == ()
    assert ["logprobs" in body for body in requests] == [True, False, False]


def test_an_engine_that_fails_is_told() -> None:
    with KnownPaceServer(fault="error") as server:
        found = asking(server.api_base).ask(PROMPTS, max_s=30)
    assert found.failed == 2
    assert found.first_error.startswith("500: ")
    assert not found.is_cut_short


def test_an_engine_that_hangs_costs_no_more_than_its_time() -> None:
    with KnownPaceServer(fault="hang") as server:
        found = asking(server.api_base).ask(PROMPTS, max_s=0.2)
    assert found.is_cut_short
    assert all(answer.error for answer in found.answers)


def test_it_stops_when_it_is_to() -> None:
    def stop() -> None:
        raise InterruptedError

    with KnownPaceServer(fault="hang") as server, pytest.raises(InterruptedError):
        asking(server.api_base, should_stop=stop).ask(PROMPTS, max_s=30)
