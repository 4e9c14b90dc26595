from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from tests.webhook_receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    """A receiver on this machine, which an administrator has allowed."""
    settings.TASK_HOSTS = ["127.0.0.1"]
    with receiving() as one:
        yield one
