from typing import Any

import pytest

from tasks_app.masking import (
    MASK,
    hidden_names,
    is_secret_name,
    mask_text,
    mask_urls,
    masked_document,
    secrets_in_clear,
    spec_secrets,
    unmasked_document,
)
from tasks_app.spec import TaskSpec

PROXY = "http://ada:pa%40ss-word@proxy:3128"
MASKED_PROXY = f"http://ada:{MASK}@proxy:3128"
SECRETS: dict[str, dict[str, Any]] = {
    "environment": {"API_KEY": "key-1234", "MIRROR": PROXY, "OMP_NUM_THREADS": "2"},
    "access": {"http_proxy": PROXY, "https_proxy": None, "no_proxy": "", "hub_token": "hf_12345"},
}
SHOWN = {
    "environment": {"API_KEY": MASK, "MIRROR": MASKED_PROXY, "OMP_NUM_THREADS": "2"},
    "access": {"http_proxy": MASKED_PROXY, "https_proxy": None, "no_proxy": "", "hub_token": MASK},
}


@pytest.mark.parametrize(
    "name",
    [
        *("HF_TOKEN", "hub_token", "AWS_SECRET_ACCESS_KEY", "Password", "OPENAI_API_KEY"),
        *("NGC_API_KEY", "AWS_ACCESS_KEY_ID", "WANDB_KEY", "X_KEY", "KEY", "signing_key_2"),
        *("SMTP_PASS", "GITHUB_PAT", "DB_PWD", "SERVICE_KEY_ID"),
    ],
)
def test_it_knows_a_secret_by_its_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM", "http_proxy"),
        *("KEYBOARD", "KV_CACHE_DTYPE", "KEY_CACHE_SIZE", "MONKEY", "CACHE_KEYS", "PASS_THROUGH"),
        *("PATH", "MODEL_PATH", "PATTERN", "FILE_PATTERN", "BYPASS", "COMPASS", "PWD", "OLDPWD"),
    ],
)
def test_it_takes_no_other_name_for_a_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_it_masks_variables_passwords_and_the_token_and_nothing_else() -> None:
    assert masked_document({"task_name": "x"} | SECRETS) == {"task_name": "x"} | SHOWN


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ghp_1234@git.example/x", f"https://{MASK}@git.example/x"),
        ("git+HTTPS://ghp_1234:@git.example", f"git+HTTPS://{MASK}:@git.example"),
        ("http://ghp_1234@[::1]:80, http://b:c@d", f"http://{MASK}@[::1]:80, http://b:{MASK}@d"),
    ],
)
def test_it_masks_a_token_that_is_the_user_of_an_address(text: str, shown: str) -> None:
    assert mask_urls(text) == shown
    document = {"environment": {"MIRROR": text}}
    assert masked_document(document) == {"environment": {"MIRROR": shown}}
    assert unmasked_document({"environment": {"MIRROR": shown}}, document) == document
    assert hidden_names({"MIRROR": text}) == {"MIRROR"}


@pytest.mark.parametrize(
    "text",
    [
        "ssh://git@git.example/x",
        "http://host/@scope/x",
        "http://host?mail=a@b",
        "https://host and ada@example.org",
    ],
)
def test_it_leaves_other_addresses_as_they_are(text: str) -> None:
    assert mask_urls(text) == text


def test_it_masks_the_token_of_an_address_alone_but_no_word_such_as_admin() -> None:
    token = "ghp_" + "1" * 20
    environment = {"MIRROR": f"https://{token}@git.example", "OTHER": "http://admin@host"}
    assert mask_text(f"got {token} as admin", environment) == f"got {MASK} as admin"


def test_it_puts_back_what_every_mask_hides() -> None:
    assert unmasked_document(SHOWN, SECRETS) == SECRETS


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("access", "http_proxy", f"http://ada:{MASK}@elsewhere:3128"),
        ("access", "https_proxy", MASKED_PROXY),
        ("access", "hub_token", f"{MASK}x"),
        ("environment", "OTHER", MASK),
        ("environment", "OMP_NUM_THREADS", MASK),
    ],
)
def test_it_puts_no_secret_where_it_did_not_stand(section: str, name: str, value: str) -> None:
    assert unmasked_document({section: {name: value}}, SECRETS) == {section: {name: value}}


@pytest.mark.parametrize("document", [{"access": None}, {"access": []}, {"environment": {"A": 1}}])
def test_it_leaves_a_document_that_is_none_to_its_check(document: dict[str, Any]) -> None:
    assert masked_document(document) == document
    assert unmasked_document(document, SECRETS) == document
    assert unmasked_document(document, {}) == document


def test_it_finds_secrets_that_stand_in_clear() -> None:
    assert secrets_in_clear(SECRETS) == [
        "environment.API_KEY",
        "environment.MIRROR",
        "access.http_proxy",
        "access.hub_token",
    ]
    assert secrets_in_clear(SHOWN) == []


def test_it_lists_all_secrets_of_a_task_the_longest_first(document: dict[str, Any]) -> None:
    secrets = spec_secrets(TaskSpec.from_data(document | SECRETS))
    assert set(secrets) == {"pa%40ss-word", "pa@ss-word", "key-1234", "hf_12345"}
    assert [len(secret) for secret in secrets] == [12, 10, 8, 8]


def test_it_masks_secrets_that_a_program_repeats() -> None:
    text = f"token hf_12345, key-1234, GET {PROXY}/x as pa@ss-word"
    masked = mask_text(text, SECRETS["environment"], "hf_12345", "x")
    assert masked == f"token {MASK}, {MASK}, GET {MASKED_PROXY}/x as {MASK}"
