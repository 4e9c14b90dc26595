"""How far greedy answers agree with the default's. Pure functions.

Of one prompt, with the default's answer of n tokens and this one's of m:

* exact match: the texts are the same.
* token agreement: the tokens before the first difference / max(n, m); 1 where both are empty.
  What follows a first difference continues another text, so that it is not counted.
* log-probability distance: over the tokens before the first difference, the mean absolute
  difference of their log-probabilities, in nats. There the two were asked the very same thing.

Over the prompts: the share of exact matches, the mean agreement, and the mean distance over all
tokens that have one. A prompt that the default could not answer is left out; one that only this
configuration could not answer agrees in nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from experiments_app.quality.answers import Answer

Tokenize = Callable[[str], Sequence[str | int]]
"""From a text to its tokens."""
ENGINE, TOKENIZER = "engine", "tokenizer"
MAX_SHOWN = 300
"""Characters of an answer that is kept to be read."""


@dataclass(frozen=True)
class Compared:
    """Of one prompt. `text` is kept where the answers differ, for people."""

    prompt: str
    exact: bool
    agreement: float
    same_tokens: int
    tokens: int
    logprob_distance: float | None
    sha256: str
    error: str = ""
    text: str = ""


@dataclass(frozen=True)
class Comparison:
    """Of all prompts; None where there was nothing to compare. `tokens_from`: whose tokens they
    are, the engine's own or those of the task's tokenizer."""

    compared: tuple[Compared, ...]
    tokens_from: str

    @property
    def exact_match(self) -> float | None:
        return _mean([float(one.exact) for one in self.compared])

    @property
    def token_agreement(self) -> float | None:
        return _mean([one.agreement for one in self.compared])

    @property
    def logprob_distance(self) -> float | None:
        known = [
            (one.logprob_distance, one.same_tokens)
            for one in self.compared
            if one.logprob_distance is not None
        ]
        total = sum(weight for _, weight in known)
        return sum(value * weight for value, weight in known) / total if total else None

    def figures(self) -> dict[str, float | None]:
        return {
            "exact_match": self.exact_match,
            "token_agreement": self.token_agreement,
            "logprob_distance": self.logprob_distance,
        }

    def to_data(self) -> list[dict[str, Any]]:
        return [asdict(one) for one in self.compared]


def compare(
    reference: Sequence[Answer], answers: Sequence[Answer], tokenize: Tokenize
) -> Comparison:
    """`tokenize` is asked where the engine did not name the tokens of both answers."""
    by_prompt = {answer.prompt: answer for answer in answers}
    pairs = [
        (theirs, by_prompt[theirs.prompt])
        for theirs in reference
        if not theirs.error and theirs.prompt in by_prompt
    ]
    told = all(pair[0].tokens and pair[1].tokens for pair in pairs if not pair[1].error)
    compared = tuple(_compare(*pair, told=told, tokenize=tokenize) for pair in pairs)
    return Comparison(compared, ENGINE if told else TOKENIZER)


def _compare(theirs: Answer, mine: Answer, *, told: bool, tokenize: Tokenize) -> Compared:
    if mine.error:
        return Compared(theirs.prompt, False, 0.0, 0, 0, None, "", error=mine.error)
    reference = theirs.tokens if told else tuple(tokenize(theirs.text))
    tokens = mine.tokens if told else tuple(tokenize(mine.text))
    same = _shared(reference, tokens)
    longest = max(len(reference), len(tokens))
    distance = None
    if told and theirs.logprobs and mine.logprobs:
        pairs = list(zip(theirs.logprobs[:same], mine.logprobs[:same], strict=False))
        distance = _mean([abs(one - other) for one, other in pairs])
    exact = theirs.text == mine.text
    return Compared(
        prompt=theirs.prompt,
        exact=exact,
        agreement=same / longest if longest else 1.0,
        same_tokens=same,
        tokens=len(tokens),
        logprob_distance=distance,
        sha256=mine.sha256,
        text="" if exact else mine.text[:MAX_SHOWN],
    )


def _shared(one: Sequence[object], other: Sequence[object]) -> int:
    """How many stand at the start of both."""
    for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return index
    return min(len(one), len(other))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
