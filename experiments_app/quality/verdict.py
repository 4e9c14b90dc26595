"""What a comparison of answers is worth: which bound it breaks, and in which words. Pure."""

from collections.abc import Mapping
from typing import Any

from experiments_app.objective import Miss
from tasks_app.spec_quality import Quality


def miss_of(quality: Mapping[str, Any], wish: Quality) -> Miss | None:
    """The bound that the answers of an experiment break most; None where they were not compared.

    `quality`: the experiment's column. A bound asks nobody to agree more with the default than the
    default does with itself. `excess` is relative to the bound.
    """
    if quality.get("is_reference") or not quality.get("compared"):
        return None
    noise: Mapping[str, float | None] = quality.get("noise") or {}
    found = []
    for name, bound in wish.bounds.items():
        value = quality.get(name)
        if value is None:
            continue
        asked = _least(name, bound, noise.get(name))
        over = value - asked if name == "logprob_distance" else asked - value
        if over > 0:
            found.append(Miss(name, "", 0, value, asked, over / asked))
    return max(found, key=lambda miss: miss.excess, default=None)


def _least(name: str, bound: float, noise: float | None) -> float:
    if noise is None:
        return bound
    return max(bound, noise) if name == "logprob_distance" else min(bound, noise)


def in_words(quality: Mapping[str, Any]) -> str:
    """`58% of the tokens agree, 6 of 16 answers are the same, …`; "" without a check."""
    if not quality:
        return ""
    if quality.get("error") and not quality.get("compared"):
        return f"answers not compared: {quality['error']}"
    count = quality.get("compared") or 0
    if not count:
        return ""
    other = "its own, asked again" if quality.get("is_reference") else "the default's"
    told = [
        f"{quality['token_agreement']:.0%} of the tokens agree with {other}",
        f"{round(quality['exact_match'] * count)} of {count} answers are the same",
    ]
    if quality.get("logprob_distance") is not None:
        told.append(f"log-probabilities differ by {quality['logprob_distance']:.3f} nats")
    if quality.get("failed"):
        told.append(f"{quality['failed']} were not answered")
    return ", ".join(told)


def exported(quality: Mapping[str, Any]) -> dict[str, Any] | None:
    """How an experiment's answers compare; the default's answers without their tokens."""
    if not quality:
        return None
    answers = [
        {key: value for key, value in answer.items() if key not in {"tokens", "logprobs"}}
        if quality.get("is_reference")
        else answer
        for answer in quality.get("answers", ())
    ]
    return {**quality, "answers": answers}
