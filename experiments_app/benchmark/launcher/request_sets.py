"""Which requests a level is measured with: a matter of the seed, the set and the level alone.

Every configuration gets the same ones in the same order, whichever levels it was measured at
before. A level that is measured once more on the same server is a further *take*: its prompts have
other words and the same lengths.
"""

import hashlib
import json
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from genai_bench.scenarios.base import DatasetScenario, Scenario

from experiments_app.benchmark.launcher.exact_prompts import make_request
from experiments_app.benchmark.launcher.own_prompts import Rows


@dataclass(frozen=True)
class RequestSets:
    """`fresh`: no prompt stands in two levels, takes or sets. Otherwise all levels of a scenario,
    takes and sets begin with the same requests."""

    seed: int
    name: str
    fresh: bool = True
    own: Rows | None = None

    def begin(self, scenario: str, concurrency: int, take: int) -> None:
        """From here on `sample` gives the level's requests from the first one on."""
        lengths = self._lengths(scenario, concurrency)
        random.seed(f"{lengths} {take}" if self.fresh else lengths)
        np.random.seed(zlib.crc32(lengths.encode()))

    def sample(
        self, sampler: Any, scenario: str, concurrency: int, take: int, numbers: Sequence[int]
    ) -> list[Any]:
        """The requests of the level with these numbers, which follow those sampled before."""
        parsed = Scenario.from_string(scenario)
        lengths = self._lengths(scenario, concurrency)
        heads = [_head(f"{lengths} {take}", number) if self.fresh else "" for number in numbers]
        if self.own:
            self.own.take_the_place_of_those_in(sampler)
        if self.own and isinstance(parsed, DatasetScenario):
            return [
                self.own.request(sampler, lengths, number, head)
                for number, head in zip(numbers, heads, strict=True)
            ]
        return [make_request(sampler, parsed, head) for head in heads]

    def _lengths(self, scenario: str, concurrency: int) -> str:
        level = f" {concurrency} {self.name}" if self.fresh else ""
        return f"{self.seed} {scenario}{level}"


def _head(level: str, number: int) -> str:
    """What a prompt begins with, so that it has nothing in common with any other: the texts come
    from few lines, and short ones would coincide."""
    return hashlib.sha256(f"{level} {number}".encode()).hexdigest()[:8] + " "


def fingerprint(requests: Sequence[Any]) -> str:
    """SHA-256 of the requests in order: of each a line of JSON with its prompt and the length asked
    for."""
    digest = hashlib.sha256()
    for request in requests:
        digest.update(json.dumps([request.prompt, request.max_tokens]).encode() + b"\n")
    return digest.hexdigest()
