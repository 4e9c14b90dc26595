"""The sections of a task file about what is tuned: model, optimization, slo, benchmark."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from tasks_app.flags import CONTROL_CHARACTER
from tasks_app.problems import did_you_mean
from tasks_app.scenarios import (
    MAX_TOKENS,
    Scenario,
    ScenarioError,
    parse_scenario,
    split_scenarios,
)
from tasks_app.validation import refusal, refusal_of_keys, shown, wrong_type

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)

Strategy = Literal["auto", "grid_search", "random", "bayesian"]
Objective = Literal[
    "minimize_latency",
    "minimize_ttft",
    "minimize_tpot",
    "maximize_throughput",
    "maximize_goodput",
    "minimize_cost",
    "minimize_energy",
]

LATENCY_METRICS: Final = ("ttft", "tpot", "e2e")
STATISTICS: Final = ("mean", "p50", "p90", "p95", "p99")
SLO_KEYS: Final = (
    *(f"{metric}_{statistic}_s" for metric in LATENCY_METRICS for statistic in STATISTICS),
    "error_rate",
    "cost_per_million_tokens",
    "joules_per_token",
)
DEFAULT_ERROR_RATE: Final = 0.01
MAX_LATENCY_S: Final = 86_400
OF_TOKENS: Final = {"cost": "cost_per_million_tokens", "energy": "joules_per_token"}
"""What an output token takes, by the objective's name, with the figure's."""
MAX_OF_TOKENS: Final = 1e9

_CONTROL_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ANSWER_LENGTH = "the answer's length is set by the traffic scenario"
_SET_BY_BENCHMARK: Mapping[str, str] = {
    "model": "the name is model_name",
    "messages": "prompts come from the traffic scenario",
    "prompt": "prompts come from the traffic scenario",
    "stream": "answers are always streamed: times are taken from the stream",
    "stream_options": "answers are always streamed: times are taken from the stream",
    "max_tokens": _ANSWER_LENGTH,
    "max_completion_tokens": _ANSWER_LENGTH,
    "min_tokens": _ANSWER_LENGTH,
    "stop": _ANSWER_LENGTH,
    "n": "each request has one answer",
}


def check_line(text: str) -> str:
    """Text for one line: not blank, no control characters, no blanks around it."""
    if not text.strip():
        raise refusal("must not be empty")
    if match := CONTROL_CHARACTER.search(text):
        raise refusal(f"holds the control character {match[0]!r}")
    if text != text.strip():
        raise refusal(f"{shown(text)} has blanks around it", f"write {text.strip()}")
    return text


def check_prose(text: str) -> str:
    if match := _CONTROL_IN_PROSE.search(text):
        raise refusal(f"holds the control character {match[0]!r}")
    return text


def _check_argument(text: str) -> str:
    if check_line(text).startswith("-"):
        raise refusal(f"{shown(text)} would be read as a flag", "start it without a dash")
    return text


def _check_model_source(text: str) -> str:
    _check_argument(text)
    if "://" in text:
        raise refusal(
            f"{shown(text)} is an address", "name the model: a hub id as org/name, or a path"
        )
    if ".." in text.split("/"):
        raise refusal(f"{shown(text)} leaves its folder", "write the path without ..")
    return text


def _unique(values: list[Any]) -> list[Any]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise refusal(f"{shown(value)} stands twice")
    return values


Line = Annotated[str, AfterValidator(check_line)]
Argument = Annotated[str, AfterValidator(_check_argument), Field(max_length=1_000)]


class Model(BaseModel):
    """What is served: a hub id, an absolute path, a folder of models, or a built-in alias."""

    model_config = STRICT

    id_or_path: Annotated[str, AfterValidator(_check_model_source), Field(max_length=1_000)]

    @property
    def last_segment(self) -> str:
        return self.id_or_path.rstrip("/").rpartition("/")[2]


def _objective_names() -> tuple[str, ...]:
    latencies = (f"{metric}_{stat}" for metric in LATENCY_METRICS for stat in STATISTICS)
    return ("throughput", "goodput", *OF_TOKENS, *latencies)


OBJECTIVE_NAMES: Final = _objective_names()
"""What `objectives` may name: rates are maximised, all others minimised."""


def objective_is_maximised(name: str) -> bool:
    """Of a name in `OBJECTIVE_NAMES`."""
    return name in {"throughput", "goodput"}


def _check_objective_name(name: str) -> str:
    if name not in OBJECTIVE_NAMES:
        raise refusal(f"unknown objective {name!r}", did_you_mean(name, OBJECTIVE_NAMES))
    return name


class Optimization(BaseModel):
    """How the best is searched for.

    `objectives`: two or three figures that are traded against one another; the result is the
    front of what is best in one without being worse in another. `across_scenarios` and
    `scenario_weights` say how the scenarios of the load become one score. `prune`: whether an
    experiment ends as soon as it can no longer be the best; null: as the strategy has it. `learn`:
    whether results of comparable tasks guide the search. `reuse`: whether what an earlier run of
    the task measured under the same conditions is taken over. `repair`: whether what failed for
    lack of memory is tried once more with less of it. `stop_when_gain_below`: the run ends when a
    further gain of this share (0.02 is 2 %) has become unlikely.

    `confirm`: after the search the leaders and the default are measured again, in turn.
    `confirm_budget`: the share of the search's engine time that this may take, once there is
    enough of it to tell anything. `undo_test`: each changed flag of the best is tried back.
    `drift_check_every`: the default is measured again after so many experiments; null: never.
    """

    model_config = STRICT

    strategy: Strategy = "auto"
    objective: Objective = "maximize_throughput"
    max_iterations: int = Field(default=20, ge=1, le=10_000)
    timeout_per_iteration: int = Field(default=1_800, ge=10, le=604_800)
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    objectives: (
        Annotated[
            list[Annotated[str, AfterValidator(_check_objective_name)]],
            Field(min_length=2, max_length=3),
            AfterValidator(_unique),
        ]
        | None
    ) = None
    across_scenarios: Literal["geometric_mean", "worst_case"] = "geometric_mean"
    scenario_weights: dict[str, Annotated[float, Field(gt=0, le=1_000)]] = Field(
        default_factory=dict
    )
    prune: bool | None = None
    learn: bool = True
    reuse: bool = True
    repair: bool = True
    stop_when_gain_below: Annotated[float, Field(gt=0, lt=1)] | None = None
    confirm: bool = True
    confirm_budget: float = Field(default=0.2, gt=0, le=100)
    undo_test: bool = False
    drift_check_every: Annotated[int, Field(ge=1, le=10_000)] | None = 10

    @property
    def maximises(self) -> bool:
        return self.objective.startswith("maximize_")

    @property
    def prunes(self) -> bool:
        """Whether an experiment ends as soon as it can no longer be the best."""
        wanted = self.strategy in {"auto", "bayesian"} if self.prune is None else self.prune
        return wanted and self.may_prune

    @property
    def may_prune(self) -> bool:
        """Whether an experiment may end early at all: what can no longer be the best may still be
        on the front of several objectives, and what a token takes has no bound that holds."""
        return self.prune is not False and not self.objectives and not self.is_of_tokens

    @property
    def is_of_tokens(self) -> bool:
        """Whether the objective is what an output token costs or takes of energy."""
        return self.objective.removeprefix("minimize_") in OF_TOKENS


@dataclass(frozen=True)
class SloBound:
    """One latency bound of the SLO: `statistic` of `metric` must be at most `limit_s`."""

    key: str
    metric: str
    statistic: str
    limit_s: float


def _check_slo(value: dict[str, Any]) -> dict[str, float]:
    wrong = {key: fault for key, bound in value.items() if (fault := _slo_fault(key, bound))}
    if wrong:
        raise refusal_of_keys(wrong)
    return value


def _slo_fault(key: str, bound: object) -> tuple[str, str] | None:
    if key not in SLO_KEYS:
        same_metric = [known for known in SLO_KEYS if known.startswith(f"{key}_")]
        return f"unknown key {key!r}", did_you_mean(key, same_metric or SLO_KEYS)
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        return wrong_type(bound, "a number")
    if key == "error_rate":
        return None if 0 <= bound <= 1 else (f"must lie between 0 and 1, not {bound}", "")
    if key in OF_TOKENS.values():
        is_right = 0 < bound <= MAX_OF_TOKENS
        return None if is_right else (f"must be more than 0 and below 1e9, not {bound}", "")
    if not 0 < bound <= MAX_LATENCY_S:
        return f"must be more than 0 and at most {MAX_LATENCY_S} seconds, not {bound}", ""
    return None


Slo = Annotated[dict[str, Any], AfterValidator(_check_slo)]


def _check_task(value: object) -> object:
    if value != "text-to-text":
        raise refusal(f"{shown(value)} is not supported yet", "write text-to-text")
    return value


def _check_scenario(text: str) -> str:
    if len(split_scenarios(text)) > 1:
        raise refusal(
            f"{shown(text)} holds several scenarios",
            "write each as an entry of its own: "
            + ", ".join(f'"{part}"' for part in split_scenarios(text)),
        )
    try:
        scenario = parse_scenario(text)
    except ScenarioError as error:
        raise refusal(error.message, error.suggestion) from error
    if not scenario.fits("text-to-text"):
        raise refusal(
            f"{text!r} is no scenario for text-to-text ({scenario.describe()})",
            "write D(…), N(…)/(…), U(…) or dataset",
        )
    return text


def _check_additional(params: dict[str, Any]) -> dict[str, Any]:
    for key, value in params.items():
        if key in _SET_BY_BENCHMARK:
            raise refusal(f"{key!r} cannot be set here: {_SET_BY_BENCHMARK[key]}")
        if key == "ignore_eos" and value is not True:
            raise refusal("ignore_eos must stay true: every answer has its full length")
        if key in {"temperature", "top_p"} and (
            isinstance(value, bool) or not isinstance(value, int | float)
        ):
            message, suggestion = wrong_type(value, "a number")
            raise refusal(f"{key} {message}", suggestion)
    _check_plain_data(params)
    return params


def _check_plain_data(value: object) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise refusal(f"the key {shown(key)} must be text")
            _check_plain_data(item)
    elif isinstance(value, list):
        for item in value:
            _check_plain_data(item)
    elif isinstance(value, str) and _CONTROL_IN_PROSE.search(value):
        raise refusal(f"{shown(value)} holds a control character")
    elif isinstance(value, float) and not abs(value) < float("inf"):
        raise refusal(f"{value} is not a number that can be sent")
    elif not isinstance(value, str | int | float | bool | None):
        raise refusal(f"{shown(value)} cannot be sent")


def _list_or_auto(value: object) -> object:
    if isinstance(value, str):
        raise refusal(f"must be a list or auto, not {shown(value)}", "write auto, or say [1, 4]")
    return value


AUTO: Final = "auto"
MOST_CONCURRENCY: Final = 256
_PART = "[key]"  # no part of a place that a user reads

Concurrencies = Annotated[
    Annotated[
        list[Annotated[int, Field(ge=1, le=10_000)]],
        Field(min_length=1, max_length=50),
        AfterValidator(_unique),
        BeforeValidator(_list_or_auto),
        Tag(_PART),
    ]
    | Annotated[Literal["auto"], Tag(AUTO)],
    Discriminator(lambda value: AUTO if value == AUTO else _PART),
]


class Benchmark(BaseModel):
    """The load: each scenario at each concurrency is one point that is measured.

    `num_concurrency: auto` finds for each configuration and scenario the highest concurrency that
    holds the SLO, up to `max_concurrency` (null: 256). `fresh_prompts`: no two levels send the
    same prompts, so that nothing is answered from a prefix cache; every configuration gets the
    same ones. `remeasure_disturbed`: a level during which something else kept this machine busy
    is measured again.

    `dataset`: the name of one of the site's data sets, whose prompts take the place of the load
    client's own: made up to the scenario's lengths, or, in the scenario `dataset`, as they are.
    There an answer has `dataset_output_tokens`, or as many as the data set's own answer.
    """

    model_config = STRICT

    task: Annotated[Literal["text-to-text"], BeforeValidator(_check_task)] = "text-to-text"
    model_name: Argument | None = None
    model_tokenizer: Argument | None = None
    traffic_scenarios: Annotated[
        list[Annotated[str, AfterValidator(_check_scenario)]],
        Field(min_length=1, max_length=50),
        AfterValidator(_unique),
    ] = Field(default_factory=lambda: ["D(100,100)"])
    num_concurrency: Concurrencies = Field(default_factory=lambda: [1, 4])
    max_concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    max_requests_per_level: int = Field(default=100, ge=1, le=1_000_000)
    max_minutes_per_level: int = Field(default=10, ge=1, le=1_440)
    fresh_prompts: bool = True
    remeasure_disturbed: bool = True
    dataset: Annotated[Line, Field(max_length=100)] | None = None
    dataset_output_tokens: Annotated[int, Field(ge=2, le=MAX_TOKENS)] | None = None
    additional_params: Annotated[dict[str, Any], AfterValidator(_check_additional)] = Field(
        default_factory=lambda: {"temperature": 0.0}
    )

    @property
    def finds_concurrency(self) -> bool:
        return self.num_concurrency == AUTO

    @property
    def given_concurrencies(self) -> tuple[int, ...]:
        """None where they are found."""
        return () if isinstance(self.num_concurrency, str) else tuple(self.num_concurrency)

    @property
    def highest_concurrency(self) -> int:
        """The most requests at the same time that may come."""
        limit = self.max_concurrency or MOST_CONCURRENCY
        return max(self.given_concurrencies, default=limit)

    @property
    def concurrency_in_words(self) -> str:
        """`at concurrency 1, 4`, or that it is found."""
        if self.finds_concurrency:
            return f"at the highest concurrency found, up to {self.highest_concurrency}"
        return f"at concurrency {', '.join(map(str, self.given_concurrencies))}"

    @property
    def takes_prompts_as_they_are(self) -> bool:
        return any(scenario.kind == "dataset" for scenario in self.scenarios)

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        return tuple(parse_scenario(text) for text in self.traffic_scenarios)
