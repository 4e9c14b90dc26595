"""Whether the hub answers at all."""

import threading

import pytest

from experiments_app.hub import HubError, HubErrorKind, find_model, test_connection
from tests.experiments_app.hub.conftest import REPO, TOKEN
from tests.hub_server import Hub


def test_the_hub_answers_without_a_token(environment: dict[str, str]) -> None:
    answer = test_connection(environment)
    assert answer.ok
    assert "No token is set" in answer.message


def test_the_hub_says_whose_token_it_is(hub: Hub, environment: dict[str, str]) -> None:
    answer = test_connection({**environment, "HF_TOKEN": TOKEN})
    assert answer.ok
    assert "somebody's" in answer.message


def test_a_wrong_token_is_no_connection(hub: Hub, environment: dict[str, str]) -> None:
    hub.token = "another"
    answer = test_connection({**environment, "HF_TOKEN": TOKEN})
    assert (answer.ok, answer.kind) == (False, HubErrorKind.UNAUTHORIZED)


def test_a_mirror_may_have_no_accounts(hub: Hub, environment: dict[str, str]) -> None:
    hub.has_accounts = False
    answer = test_connection({**environment, "HF_TOKEN": TOKEN})
    assert answer.ok
    assert "not checked" in answer.message


def test_no_connection_says_why(environment: dict[str, str], port: int) -> None:
    answer = test_connection({**environment, "HF_ENDPOINT": f"http://127.0.0.1:{port}"})
    assert (answer.ok, answer.kind) == (False, HubErrorKind.NETWORK_UNREACHABLE)
    assert answer.message.startswith("The hub: 127.0.0.1")


def test_offline_nobody_is_asked(hub: Hub, environment: dict[str, str]) -> None:
    answer = test_connection({**environment, "HF_HUB_OFFLINE": "true"})
    assert (answer.ok, answer.kind) == (False, HubErrorKind.OFFLINE_MISSING)
    assert hub.asked == []


def test_it_asks_from_any_thread(environment: dict[str, str]) -> None:
    """The site asks from a thread of its own for each request."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(test_connection(environment)))
    thread.start()
    thread.join()
    assert answers[0].ok


def test_it_finds_a_model_without_fetching_it(hub: Hub, environment: dict[str, str]) -> None:
    find_model(REPO, environment, limit_s=20)
    assert not any("resolve" in path for path in hub.asked)


def test_it_says_that_there_is_no_such_model(environment: dict[str, str]) -> None:
    with pytest.raises(HubError) as caught:
        find_model("org/none", environment, limit_s=20)
    assert caught.value.kind in {HubErrorKind.NOT_FOUND, HubErrorKind.UNAUTHORIZED}
    assert "org/none" in caught.value.message
