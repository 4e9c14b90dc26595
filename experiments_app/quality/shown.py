"""The answers of an experiment beside the default's, for its page. Pure functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments_app.quality.answers import prompts
from experiments_app.quality.comparing import MAX_SHOWN
from experiments_app.quality.verdict import in_words


@dataclass(frozen=True)
class ShownAnswer:
    """One that is not the default's. `agreement` is told as `41%`; of an answer that failed,
    `error` says why."""

    question: str
    default: str
    answer: str
    agreement: str
    error: str


@dataclass(frozen=True)
class ShownAnswers:
    """`quality` and `reference`: the columns of the experiment and of the default."""

    quality: Mapping[str, Any]
    reference: Mapping[str, Any]

    @property
    def words(self) -> str:
        """Empty where nothing was asked."""
        return in_words(self.quality)

    @property
    def noise_words(self) -> str:
        """How far the default agrees with itself; what is below that is no difference."""
        noise = self.quality.get("noise") or {}
        if self.quality.get("is_reference") or noise.get("token_agreement") is None:
            return ""
        return f"{noise['token_agreement']:.0%} of the tokens"

    @property
    def differing(self) -> list[ShownAnswer]:
        """In the order of the prompts; none of the default itself."""
        if self.quality.get("is_reference"):
            return []
        return list(_differing(self.quality, self.reference))


def _differing(quality: Mapping[str, Any], reference: Mapping[str, Any]) -> Iterator[ShownAnswer]:
    questions = {prompt.id: prompt.text for prompt in prompts()}
    theirs = {one["prompt"]: one.get("text", "") for one in reference.get("answers", ())}
    for one in quality.get("answers", ()):
        if one["exact"]:
            continue
        yield ShownAnswer(
            question=questions.get(one["prompt"], one["prompt"]),
            default=theirs.get(one["prompt"], "")[:MAX_SHOWN],
            answer=one["text"],
            agreement=f"{one['agreement']:.0%}",
            error=one["error"],
        )
