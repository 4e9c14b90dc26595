"""The hub that models come from: what of it is in the cache here, and what it answers."""

from experiments_app.hub.cache import (
    CachedModel,
    ModelState,
    Presence,
    cached_models,
    hf_home,
    hub_cache,
    model_state,
    remove_cached_model,
)
from experiments_app.hub.connection import HubAnswer, find_model, test_connection
from experiments_app.hub.model_line import cache_line
from experiments_app.hub.tokenizer import fetch_tokenizer
from experiments_app.hub.weights import require_weights
from experiments_app.hub_error import HubError, HubErrorKind

__all__ = [
    "CachedModel",
    "HubAnswer",
    "HubError",
    "HubErrorKind",
    "ModelState",
    "Presence",
    "cache_line",
    "cached_models",
    "fetch_tokenizer",
    "find_model",
    "hf_home",
    "hub_cache",
    "model_state",
    "remove_cached_model",
    "require_weights",
    "test_connection",
]
