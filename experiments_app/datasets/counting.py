"""Tokens of texts, by the tokenizer of the built-in model: a measure that is always here."""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings

from experiments_app.engines.model_source import ALIASES, ModelNotFound, resolve_model
from experiments_app.llamacpp.tokenizer import TokenizerError

logger = logging.getLogger(__name__)
(COUNTED_BY,) = ALIASES
Counter = Callable[[Sequence[str]], Sequence[int]]
LONGEST_COUNTED = 200_000
"""Characters of a text that are looked at: what is longer fits into no model."""


def token_counter() -> Counter | None:
    """None where the built-in model is not installed."""
    try:
        model = resolve_model(
            COUNTED_BY, home=settings.AUTOTUNER_HOME, models_dir=None, gguf_only=True
        )
        tokenizer = _loaded(model.tokenizer)
    except (ModelNotFound, TokenizerError, OSError) as error:
        logger.warning("the tokens of data sets are not counted: %s", error)
        return None

    def count(texts: Sequence[str]) -> list[int]:
        return [
            len(tokenizer.encode(text[:LONGEST_COUNTED], add_special_tokens=False).ids)
            for text in texts
        ]

    return count


@lru_cache(maxsize=1)
def _loaded(folder: str) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(f"{folder}/tokenizer.json")
