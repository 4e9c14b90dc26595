from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tasks_app.models import Preset
from tests.factories import make_user

MakePreset = Callable[..., Preset]


@pytest.fixture
def make_preset(db: None) -> MakePreset:
    """An own preset, for llama.cpp unless told otherwise."""

    def make(name: str = "ours", **changes: Any) -> Preset:
        fields: dict[str, Any] = {
            "base_runtime": "llamacpp",
            "parameters": {"parallel": [1, 8]},
            "fixed_parameters": {"ctx-size": 4096},
            "notes": {"parallel": "we have few users"},
        }
        return Preset.objects.create(name=name, **(fields | changes))

    return make


@pytest.fixture
def browser(client: Client, db: None) -> Client:
    """A signed-in client."""
    client.force_login(make_user())
    return client
