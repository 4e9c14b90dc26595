import pytest
from django.test import Client

from tests.factories import make_user


@pytest.fixture
def browser(client: Client, db: None) -> Client:
    """A signed-in client."""
    client.force_login(make_user())
    return client
