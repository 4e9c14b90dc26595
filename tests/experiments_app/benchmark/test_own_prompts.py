"""A data set's prompts through the real genai-bench: which are sent, and how long the answers."""

import hashlib
import json
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from experiments_app.benchmark import BenchmarkError, BenchmarkRequest, run_benchmark
from experiments_app.benchmark.request import OwnPrompts
from tasks_app.datasets.reading import Row
from tasks_app.datasets.storing import Stored, store
from tests.known_pace_server import KnownPaceServer

from .conftest import MakeRequest

PROMPTS = [f"Question {n}: why are there {n * 7} of them, and what for?" for n in range(40)]
ANSWERS = ["Because " + "so " * n for n in range(39)] + [None]


@pytest.fixture
def own(tmp_path: Path) -> OwnPrompts:
    rows = [Row(n, *row) for n, row in enumerate(zip(PROMPTS, ANSWERS, strict=True), 1)]
    found: list[Stored] = []
    stored = store(rows, tmp_path / "made", tmp_path / "datasets", keep=found.append)
    assert found == [stored]
    return OwnPrompts(tmp_path / "datasets" / stored.sha256, stored.sha256)


def measured(request: BenchmarkRequest) -> tuple[Any, list[dict[str, Any]]]:
    """The results, and what the server was asked."""
    with KnownPaceServer(ttft_ms=5, tpot_ms=1) as server:
        results = run_benchmark(replace(request, api_base=server.api_base))
        with urllib.request.urlopen(f"{server.api_base}/requests", timeout=10) as answer:
            return results, json.load(answer)


def test_prompts_are_sent_as_they_are_in_the_same_order_for_everybody(
    make_request: MakeRequest, own: OwnPrompts, tokenizer: Path
) -> None:
    changes: dict[str, Any] = {"dataset": own, "fresh_prompts": False, "concurrencies": (1,)}
    request = make_request("", scenarios=("dataset",), max_requests_per_level=30, **changes)
    (result,), asked = measured(request)
    sent = [one["prompt"] for one in asked][:30]
    assert set(sent) <= set(PROMPTS[:39])  # the last has no answer whose length could be asked for
    assert len(set(sent)) == 30
    assert sent != sorted(sent, key=PROMPTS.index)
    count = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    lengths = [
        max(2, len(count.encode(str(ANSWERS[PROMPTS.index(one)]), add_special_tokens=False).ids))
        for one in sent
    ]
    assert [sample.output_tokens for sample in result.samples] == lengths
    lines = "".join(
        json.dumps([one, length]) + "\n" for one, length in zip(sent, lengths, strict=True)
    )
    assert result.prompts_sha256 == hashlib.sha256(lines.encode()).hexdigest()
    (again,), _ = measured(replace(request, folder=request.folder.with_name("again")))
    assert again.prompts_sha256 == result.prompts_sha256


def test_lengths_come_from_the_scenario_or_from_what_is_asked_for(
    make_request: MakeRequest, own: OwnPrompts
) -> None:
    dataset = replace(own, output_tokens=6)
    request = make_request("", scenarios=("dataset", "D(60,9)"), dataset=dataset)
    (as_they_are, made_up), asked = measured(request)
    assert {sample.output_tokens for sample in as_they_are.samples} == {6}
    assert {sample.output_tokens for sample in made_up.samples} == {9}
    assert as_they_are.num_errors + made_up.num_errors == 0
    prompts = [one["prompt"] for one in asked]
    assert len(set(prompts)) == len(prompts), "each begins with a mark of its own"
    assert all(prompt[9:] in PROMPTS for prompt in prompts[:8])
    assert all("of them, and what for?" in prompt for prompt in prompts)  # none of the sonnets


def test_files_that_were_changed_are_not_measured_with(
    make_request: MakeRequest, own: OwnPrompts
) -> None:
    with (own.folder / "prompts.json").open("a") as file:
        file.write(" ")
    request = make_request("", scenarios=("dataset",), dataset=own)
    with pytest.raises(BenchmarkError, match="gone or changed"):
        measured(request)
