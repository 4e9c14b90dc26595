"""Run by itself (`python -m experiments_app.hub_client`): one question to the hub, one answer.

The question comes as JSON on standard input, the answer goes as JSON to standard output: what was
asked for, or `kind` and `message` of why not. Proxies, token and cache are those of the process's
environment. Started by `experiments_app.hub.question`, which limits its time.
"""

import json
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import httpx2
from huggingface_hub import (
    HfApi,
    constants,
    get_session,
    get_token,
    hf_raise_for_status,
    set_client_factory,
    snapshot_download,
)
from huggingface_hub.errors import HfHubHTTPError

from experiments_app.hub_causes import explain
from experiments_app.hub_error import HubError, HubErrorKind
from experiments_app.parent_death import die_with_parent

TOKENIZER_FILES = (
    "tokenizer*.json",
    "config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "tekken.json",
    "chat_template*",
    "additional_chat_templates/*.jinja",
)


def fetch_tokenizer(question: dict[str, Any]) -> dict[str, str]:
    """Into the cache; the answer is its folder there."""
    name = question["name"]
    # First, for its errors: snapshot_download goes on with what is in the cache after most.
    info = HfApi().model_info(name)
    files = [file.rfilename for file in info.siblings or ()]
    wanted = [file for file in files if any(fnmatch(file, pattern) for pattern in TOKENIZER_FILES)]
    if not set(wanted) - {"config.json"}:
        raise HubError(
            HubErrorKind.NO_TOKENIZER,
            f"{name} has no tokenizer among its files. Set benchmark.model_tokenizer to the hub id"
            " or the folder of one that fits the model.",
        )
    return {"folder": snapshot_download(name, allow_patterns=wanted, max_workers=4)}


def find_model(question: dict[str, Any]) -> dict[str, str]:
    return {"message": str(HfApi().model_info(question["name"]).id)}


def test(_: dict[str, Any]) -> dict[str, str]:
    host = constants.ENDPOINT
    if token := get_token():
        try:
            user = HfApi().whoami(token).get("name", "?")
        except HfHubHTTPError as error:
            if error.response.status_code != 404:
                raise  # else a mirror that has no accounts
        else:
            return {"message": f"{host} answers and knows the token, which is {user}'s."}
    answer = get_session().get(f"{host}/api/models", params={"limit": 1})
    hf_raise_for_status(answer)
    answer.json()
    if token:
        return {"message": f"{host} answers; it has no accounts, so the token was not checked."}
    return {"message": f"{host} answers. No token is set: gated and private models stay closed."}


ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, str]]] = {
    "model": find_model,
    "tokenizer": fetch_tokenizer,
    "test": test,
}


def client(silence_s: float) -> httpx2.Client:
    """No request waits for ever, whatever its caller says, and one that is told to come back later
    is not repeated. `silence_s`: for a connection, or the next byte."""

    def limit(request: httpx2.Request) -> None:
        request.extensions["timeout"] = httpx2.Timeout(silence_s).as_dict()

    def refuse(response: httpx2.Response) -> None:
        if response.status_code in {407, 429}:
            response.read()
            hf_raise_for_status(response)

    return httpx2.Client(
        event_hooks={"request": [limit], "response": [refuse]},
        follow_redirects=True,
    )


def main() -> None:
    die_with_parent()
    question = json.load(sys.stdin)
    set_client_factory(lambda: client(question["silence_s"]))
    try:
        answer = ACTIONS[question["action"]](question)
    except Exception as error:
        found = explain(error, question.get("name", ""))
        if found is None:
            raise
        answer = {"kind": found.kind, "message": found.message}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
