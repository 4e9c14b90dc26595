"""What to measure, and how far the measurement has got."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[str, int]
"""A level: (scenario, concurrency)."""


@dataclass(frozen=True)
class OwnPrompts:
    """A data set whose prompts take the place of genai-bench's. `output_tokens`: of each answer in
    the scenario `dataset`; None: as many as the data set's own answer has. `quantiles` of the
    prompts' lengths: shares from 0 to 1, each with so many tokens; empty where not known."""

    folder: Path
    sha256: str
    output_tokens: int | None = None
    quantiles: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class BenchmarkRequest:
    """One run of genai-bench against one server.

    The requests of every scenario at every concurrency are made while the server starts. Other
    concurrencies may be measured too: their requests are made when they are asked for.
    """

    api_base: str
    """`http://host:port`, without `/v1`."""
    backend: str
    """genai-bench's name of the protocol; `openai` leaves `ignore_eos` out of the requests."""
    model_name: str
    """The name that the server serves the model by."""
    tokenizer: str
    """A folder, or a hub id."""
    scenarios: tuple[str, ...]
    concurrencies: tuple[int, ...]
    folder: Path
    """Where the results go; it must not hold results yet."""
    task: str = "text-to-text"
    max_requests_per_level: int = 100
    max_minutes_per_level: int = 10
    seed: int = 0
    request_set: str = "search 1"
    """The same seed and set give the same requests at a level; a repeat asks with another set."""
    fresh_prompts: bool = True
    """Whether no prompt is sent twice to one server: it might answer from its prefix cache. False:
    every level of a scenario begins with the same requests, and so does every set."""
    dataset: OwnPrompts | None = None
    additional_params: Mapping[str, Any] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)
    genai_bench_path: Path | None = None
    """Another genai-bench: its executable, or the Python that it is installed for."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Proxy variables, the hub token, markers: all that it sees beside the basics."""
    log_path: Path | None = None
    """Default: `genai_bench.log` in `folder`."""
    max_log_bytes: int = 5_000_000
    stop_grace_s: float = 3.0

    @property
    def levels(self) -> tuple[Key, ...]:
        """What is prepared for: every concurrency, scenario by scenario."""
        return tuple((s, c) for s in self.scenarios for c in self.concurrencies)


@dataclass(frozen=True)
class Progress:
    """`done` of `total` requests of a level are answered."""

    index: int
    """How many levels were measured before."""
    levels: int | None
    """How many there are; None where that is found out on the way."""
    scenario: str
    concurrency: int
    done: int
    total: int
    errors: int
    elapsed_s: float
    """Seconds since the level began."""
