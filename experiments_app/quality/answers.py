"""A greedy answer as it is kept, and the prompts that are asked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROMPTS_FILE = Path(__file__).with_name("prompts.yaml")


@dataclass(frozen=True)
class Prompt:
    id: str
    text: str


@cache
def prompts() -> tuple[Prompt, ...]:
    """All that are shipped, in the order in which they are asked."""
    return tuple(Prompt(**entry) for entry in yaml.safe_load(PROMPTS_FILE.read_text()))


def prompts_hash(asked: Sequence[Prompt]) -> str:
    """Answers are comparable where this is the same: of the texts, in order."""
    return _sha256("\0".join(prompt.text for prompt in asked))


def answers_hash(answers: Sequence["Answer"]) -> str:
    """Of all that was answered, in order."""
    return _sha256("\0".join(answer.text for answer in answers))


@dataclass(frozen=True)
class Answer:
    """`tokens` as the engine names them, with the natural logarithm of each one's probability;
    both are empty where the engine does not tell. `error` says why there is no answer."""

    prompt: str
    text: str = ""
    tokens: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()
    error: str = ""

    @property
    def sha256(self) -> str:
        return _sha256(self.text)

    def to_data(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "text": self.text,
            "sha256": self.sha256,
            "tokens": list(self.tokens),
            "logprobs": [round(value, 5) for value in self.logprobs],
            "error": self.error,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Answer":
        return cls(
            prompt=str(data["prompt"]),
            text=str(data.get("text", "")),
            tokens=tuple(data.get("tokens", ())),
            logprobs=tuple(data.get("logprobs", ())),
            error=str(data.get("error", "")),
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
