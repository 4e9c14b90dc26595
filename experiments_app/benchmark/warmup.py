"""Real streamed completions that are not measured, so that no server is measured cold."""

import contextlib
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from experiments_app.benchmark.request import OwnPrompts
from tasks_app.scenarios import parse_scenario

POLL_INTERVAL_S = 0.05
CANCEL_WAIT_S = 1.0
DEFAULT_LENGTHS = (100, 100)
"""Tokens in and out where the scenario does not tell."""
WORDS = "the day that time and night with love when all this from sweet more still make one own"
"""Common words: about one token each for any model."""


class NoAnswer(Exception):
    """A completion that did not come back whole; the message says why."""


@dataclass(frozen=True)
class WarmUp:
    requests: int
    """How many were sent."""
    errors: int
    """How many of them failed or were broken off when the time was up."""
    duration_s: float
    first_error: str = ""


def warm_up(
    api_base: str,
    model_name: str,
    *,
    scenarios: tuple[str, ...],
    own: OwnPrompts | None,
    concurrency: int,
    max_s: float = 30.0,
    max_output_tokens: int | None = None,
    should_stop: Callable[[], None] = lambda: None,
    api_key: str | None = None,
    additional_params: Mapping[str, Any] | None = None,
) -> WarmUp:
    """Sends one wave of `concurrency` completions of the heaviest scenario's lengths; of `own`
    prompts only the lengths: the server's prefix cache must not know what is measured.

    Ends when all are answered or `max_s` is over; then the rest is broken off. `should_stop` is
    asked many times a second and raises to abort. Failed requests are counted, not raised: if they
    matter, the measurement that follows says so.
    """
    lengths, tokens_out = _heaviest(scenarios, own, concurrency)
    tokens_out = min(tokens_out, max_output_tokens or tokens_out)
    began = time.monotonic()
    deadline = began + max_s
    clients = [
        _Client(api_base, model_name, api_key, additional_params or {}, max_s + CANCEL_WAIT_S)
        for _ in lengths
    ]
    errors: list[str] = []
    threads = [
        threading.Thread(
            target=_complete_or_note,
            args=(client, _prompt(tokens_in, number), tokens_out, errors),
            daemon=True,
        )
        for number, (client, tokens_in) in enumerate(zip(clients, lengths, strict=True))
    ]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
            should_stop()
            time.sleep(POLL_INTERVAL_S)
    finally:
        for client in clients:
            client.cancel()
    for thread in threads:
        thread.join(timeout=CANCEL_WAIT_S)
    return WarmUp(
        requests=concurrency,
        errors=len(errors),
        duration_s=time.monotonic() - began,
        first_error=errors[0] if errors else "",
    )


def _heaviest(
    scenarios: tuple[str, ...], own: OwnPrompts | None, concurrency: int
) -> tuple[list[int], int]:
    """Tokens of each prompt of a wave, and of an answer, in the scenario with the most of both."""
    waves = (_wave(scenario, own, concurrency) for scenario in scenarios)
    lengths, tokens_out = max(waves, key=lambda wave: sum(wave[0]) / concurrency + wave[1])
    return [max(1, round(tokens)) for tokens in lengths], max(1, round(tokens_out))


def _wave(scenario: str, own: OwnPrompts | None, concurrency: int) -> tuple[list[float], float]:
    """Mean lengths; of a data set lengths spread as its own are."""
    parsed = parse_scenario(scenario)
    tokens_in, tokens_out = parsed.mean_tokens or DEFAULT_LENGTHS
    if parsed.kind != "dataset" or own is None or not own.quantiles:
        return [tokens_in] * concurrency, tokens_out
    shares, tokens = zip(*own.quantiles, strict=True)
    spread = np.interp([(n + 0.5) / concurrency for n in range(concurrency)], shares, tokens)
    return spread.tolist(), own.output_tokens or tokens_out


def _prompt(tokens: int, number: int) -> str:
    """Different for each request: a server's prefix cache must not spare it the work."""
    words = random.Random(number).choices(WORDS.split(), k=tokens)  # noqa: S311
    return " ".join(words)


def _complete_or_note(client: "_Client", prompt: str, tokens: int, errors: list[str]) -> None:
    try:
        client.complete(prompt, tokens)
    except NoAnswer as error:
        errors.append(str(error))


class _Client:
    """One streamed chat completion over one connection; `cancel` may come from another thread."""

    def __init__(
        self,
        api_base: str,
        model_name: str,
        api_key: str | None,
        additional_params: Mapping[str, Any],
        timeout_s: float,
    ) -> None:
        parts = urlsplit(api_base)
        connect = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = connect(parts.hostname or "", parts.port, timeout=timeout_s)
        self._model_name = model_name
        self._headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._additional_params = dict(additional_params)
        self._is_cancelled = False
        self._socket: socket.socket | None = None

    def complete(self, prompt: str, max_tokens: int) -> None:
        """Raises NoAnswer."""
        body = {
            "model": self._model_name,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0.0,
            "ignore_eos": True,
            **self._additional_params,
            "max_tokens": max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        try:
            self._connection.connect()
            self._socket = self._connection.sock  # the response takes it over
            self._connection.request(
                "POST", "/v1/chat/completions", json.dumps(body), self._headers
            )
            response = self._connection.getresponse()
            if response.status != http.client.OK:
                text = response.read(500).decode(errors="replace")
                raise NoAnswer(f"the server answered with status {response.status}: {text}")
            self._read(response)
        except TimeoutError as error:
            raise NoAnswer("the server did not answer in time") from error
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            # AttributeError: http.client's when the connection is closed under its reading
            if self._is_cancelled:
                raise NoAnswer("broken off when the time was up") from error
            raise NoAnswer(f"no whole answer: {type(error).__name__}: {error}") from error
        finally:
            self._connection.close()

    @staticmethod
    def _read(response: http.client.HTTPResponse) -> None:
        has_content = is_whole = False
        for line in response:
            data = line.strip().removeprefix(b"data:").strip()
            if not line.startswith(b"data:"):
                continue
            if data == b"[DONE]":
                is_whole = True
                break
            event = json.loads(data)
            if event.get("error"):
                raise NoAnswer(f"the server reports an error: {event['error']}")
            choice = event["choices"][0] if event.get("choices") else {}
            is_whole = is_whole or choice.get("finish_reason") is not None
            delta = choice.get("delta") or {}
            kinds = ("content", "reasoning_content", "reasoning")
            has_content = has_content or any(delta.get(kind) for kind in kinds)
        if not is_whole:
            raise http.client.IncompleteRead(b"")
        if not has_content:
            raise NoAnswer("the server's answer has no content")

    def cancel(self) -> None:
        self._is_cancelled = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
