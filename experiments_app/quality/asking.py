"""Asks an OpenAI-compatible server for greedy answers, one after the other."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import httpx

from experiments_app.quality.answers import Answer, Prompt

POLL_INTERVAL_S = 0.05
MAX_ERROR = 300
# What reading something else than an answer leads to.
NO_ANSWER = (ValueError, KeyError, IndexError, TypeError, AttributeError)
REFUSED = frozenset({400, 422, 501})
# What would make an answer other than greedy, or is set here.
NOT_PASSED_ON = frozenset(
    {
        "temperature", "top_p", "top_k", "min_p", "seed", "ignore_eos", "logprobs", "top_logprobs",
        "presence_penalty", "frequency_penalty", "repetition_penalty", "use_beam_search",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The answers that came within the time, in the order of the prompts, failed ones included."""

    answers: tuple[Answer, ...]
    seconds: float
    is_cut_short: bool = False

    @property
    def failed(self) -> int:
        return sum(1 for answer in self.answers if answer.error)

    @property
    def first_error(self) -> str:
        return next((answer.error for answer in self.answers if answer.error), "")


class Asking:
    """One server, asked with temperature 0 and a seed, without a fixed length of the answer."""

    def __init__(
        self,
        base_url: str,
        model_name: str,
        *,
        max_tokens: int,
        seed: int,
        additional_params: Mapping[str, Any],
        should_stop: Callable[[], None],
    ) -> None:
        """`should_stop` is asked many times a second and raises to abort."""
        self._url = f"{base_url}/v1/chat/completions"
        own = {key: value for key, value in additional_params.items() if key not in NOT_PASSED_ON}
        self._body = own | {
            "model": model_name,
            "temperature": 0.0,
            "seed": seed,
            "max_tokens": max_tokens,
            "stream": False,
        }
        self._tells_logprobs = True
        self._should_stop = should_stop

    def ask(self, prompts: Sequence[Prompt], max_s: float) -> Asked:
        """Whatever an engine answers is an Answer. After `max_s` the rest is not asked."""
        began = time.monotonic()
        answers: list[Answer] = []
        # A request that is given up ends with its server: the thread is not waited for.
        worker = ThreadPoolExecutor(1, thread_name_prefix="quality")
        try:
            for prompt in prompts:
                left_s = began + max_s - time.monotonic()
                if left_s <= 0:
                    break
                answer = self._wait(worker.submit(self._answer, prompt, left_s), left_s)
                if answer is None:
                    break
                answers.append(answer)
        finally:
            worker.shutdown(wait=False, cancel_futures=True)
        return Asked(tuple(answers), time.monotonic() - began, len(answers) < len(prompts))

    def _wait(self, future: Future[Answer], max_s: float) -> Answer | None:
        deadline = time.monotonic() + max_s
        while not wait([future], timeout=POLL_INTERVAL_S).done:
            self._should_stop()
            if time.monotonic() > deadline:
                return None
        return future.result()

    def _answer(self, prompt: Prompt, timeout_s: float) -> Answer:
        body = self._body | {"messages": [{"role": "user", "content": prompt.text}]}
        try:
            with httpx.Client(timeout=timeout_s, trust_env=False) as client:
                asked = body | {"logprobs": True} if self._tells_logprobs else body
                response = client.post(self._url, json=asked)
                if response.status_code in REFUSED and self._tells_logprobs:
                    # Some engines refuse to tell; then we ask for the text alone.
                    response = client.post(self._url, json=body)
                    self._tells_logprobs = response.status_code != httpx.codes.OK
            if response.status_code != httpx.codes.OK:
                told = f"{response.status_code}: {response.text}"
                return Answer(prompt.id, error=_shortened(told))
            return _read(prompt, response.json())
        except (httpx.HTTPError, *NO_ANSWER) as error:
            return Answer(prompt.id, error=_shortened(f"{type(error).__name__}: {error}"))


def _read(prompt: Prompt, data: Mapping[str, Any]) -> Answer:
    choice = data["choices"][0]
    message = choice["message"]
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    told = (choice.get("logprobs") or {}).get("content") or []
    return Answer(
        prompt.id,
        text=str(thought) + str(message.get("content") or ""),
        tokens=tuple(str(entry["token"]) for entry in told),
        logprobs=tuple(float(entry["logprob"]) for entry in told),
    )


def _shortened(text: str) -> str:
    return " ".join(text.split())[:MAX_ERROR]
