"""Prompts of a data set, in place of genai-bench's own.

For a scenario with lengths genai-bench makes texts of them as it does of its own lines. In the
scenario `dataset` they are sent as they are, and this, not genai-bench, says which: in an order
that the seed and the level make, each one once before any comes again; and how long the answer is.
"""

import random
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from genai_bench.protocol import UserChatRequest

from experiments_app.benchmark.launcher.load_error import LoadError
from tasks_app.datasets.files import hash_of, texts_of

MIXED = 256
"""Lines that a text is made of at most: to shuffle a whole data set for each takes too long."""
FEWEST_TOKENS = 2  # of one, no time per output token can be told


class _Lines(list[str]):
    """The prompts, of which genai-bench takes a copy for each text that it makes."""

    def copy(self) -> list[str]:
        return random.sample(self, min(len(self), MIXED))


class Rows:
    """`output_tokens`: of every answer; None: as many as the data set's own, and only rows that
    have one are sent."""

    def __init__(
        self, prompts: list[str], answers: list[str | None], output_tokens: int | None
    ) -> None:
        self._prompts = _Lines(prompts)
        self._answers = answers
        self._output_tokens = output_tokens
        self._usable = [
            index
            for index in range(len(prompts))
            if output_tokens is not None or (answers and answers[index] is not None)
        ]

    @classmethod
    def of(cls, config: Any) -> "Rows | None":
        """Raises LoadError where the files are not those that were meant."""
        if config is None:
            return None
        folder = Path(config["folder"])
        try:
            is_right = hash_of(folder) == config["sha256"]
            prompts, answers = texts_of(folder) if is_right else ([], [])
        except (OSError, ValueError) as error:
            raise LoadError("other", f"The data set cannot be read: {error}") from error
        if not is_right:
            raise LoadError("other", f"The files of the data set in {folder} are gone or changed.")
        return cls(prompts, answers, config["output_tokens"])

    def take_the_place_of_those_in(self, sampler: Any) -> None:
        sampler.data = self._prompts

    def request(self, sampler: Any, level: str, number: int, head: str) -> Any:
        """The level's request of this number, its prompt begun with `head`."""
        if not self._usable:
            raise LoadError(
                "other", "The data set has no answers whose lengths could be asked for."
            )
        turn, place = divmod(number, len(self._usable))
        index = self._usable[_order(f"{level} {turn}", len(self._usable))[place]]
        prompt = head + self._prompts[index]
        # Answers end at their length, as in every other scenario: else a faster server could be
        # one that says less.
        sampler.additional_request_params["ignore_eos"] = True
        return UserChatRequest(
            model=sampler.model,
            prompt=prompt,
            num_prefill_tokens=sampler.get_token_length(prompt),
            max_tokens=self._tokens_of_answer(sampler, index),
            additional_request_params=sampler.additional_request_params,
        )

    def _tokens_of_answer(self, sampler: Any, index: int) -> int:
        if self._output_tokens is not None:
            return self._output_tokens
        return max(FEWEST_TOKENS, int(sampler.get_token_length(self._answers[index])))


@lru_cache(maxsize=8)
def _order(name: str, count: int) -> Any:
    """A permutation that the name makes, by the generator whose numbers stay the same for ever."""
    return np.random.RandomState(zlib.crc32(name.encode())).permutation(count)
