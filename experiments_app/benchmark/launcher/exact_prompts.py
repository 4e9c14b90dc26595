"""Prompts of exactly the asked length.

genai-bench adds up the token counts of a prompt's lines; tokenised as a whole it comes out a few
tokens longer or shorter.
"""

from typing import Any

_TRIES = 8


def make_request(sampler: Any, scenario: Any, head: str = "") -> Any:
    """genai-bench's next request for the scenario, its prompt begun with `head` and brought to the
    length asked for."""
    asked: list[int] = []
    sample = scenario.sample

    def remember(*args: Any) -> Any:
        lengths = sample(*args)
        asked.append(lengths[0])
        return lengths

    if not hasattr(scenario, "num_input_tokens") and not _has_text_lengths(scenario):
        return sampler.sample(scenario)
    scenario.sample = remember
    try:
        request = sampler.sample(scenario)
    finally:
        del scenario.sample
    request.prompt = with_length(head + request.prompt, asked[-1], sampler.tokenizer)
    request.num_prefill_tokens = asked[-1]
    return request


def _has_text_lengths(scenario: Any) -> bool:
    return hasattr(scenario, "mean_input_tokens") or hasattr(scenario, "max_input_tokens")


def with_length(prompt: str, tokens: int, tokenizer: Any) -> str:
    """The prompt cut or filled up to `tokens` tokens; the nearest that was found if none fits."""
    filler = prompt
    best = prompt
    best_miss: int | None = None
    for _ in range(_TRIES):
        ids = tokenizer.encode(prompt, add_special_tokens=False)
        miss = abs(len(ids) - tokens)
        if best_miss is None or miss < best_miss:
            best, best_miss = prompt, miss
        if miss == 0:
            break
        if len(ids) < tokens:
            more = tokenizer.encode(" " + filler, add_special_tokens=False)[: tokens - len(ids)]
            prompt += tokenizer.decode(more, skip_special_tokens=True)
        else:
            prompt = tokenizer.decode(ids[:tokens], skip_special_tokens=True)
    return best
