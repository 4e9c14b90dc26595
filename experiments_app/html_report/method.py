"""How a run was measured, for who was not there: its load, its rules, the words that it uses."""

from collections.abc import Iterator

from experiments_app import objective, several, words
from tasks_app.spec import TaskSpec

LINES = tuple[tuple[str, str], ...]
WORDS: LINES = (
    ("Default", "The server's own flags, plus those that are fixed for all: experiment 0."),
    ("Score", "What the objective makes of an experiment's figures; without one an SLO is missed."),
    ("Gain", "The score against the default's: +10% is a tenth better, whatever better means."),
    (
        "95%",
        "Were the same measurement made many times, 95 of 100 such intervals would hold the truth.",
    ),
    ("TTFT", "Time to first token: from sending a request to the first piece of its answer."),
    ("TPOT", "Time per output token: the mean time between the tokens after the first."),
    ("E2E", "End-to-end latency: from sending a request to the last token of its answer."),
    ("p99", "The 99th percentile: 99 of 100 requests took no longer."),
    ("Concurrency", "How many requests are under way at once; each that ends is followed by one."),
    ("SLO", "What must hold for a configuration to be an answer at all."),
)


def load_lines(spec: TaskSpec) -> LINES:
    """The load and what is asked of it, each in a line."""
    return tuple(_load(spec))


def _load(spec: TaskSpec) -> Iterator[tuple[str, str]]:
    load, search = spec.benchmark, spec.optimization
    yield (
        "Objective",
        f"{words.OBJECTIVES[search.objective]}, in {objective.unit(search.objective)}",
    )
    if search.objectives:
        names = ", ".join(several.title_of(name) for name in search.objectives)
        yield "Traded against one another", names
    bounds = "; ".join(words.slo(name, bound) for name, bound in spec.slo.items())
    yield "SLO", bounds or "none set"
    yield "Failed requests", f"at most {spec.max_error_rate:g} of a load level's"
    for text, scenario in zip(load.traffic_scenarios, load.scenarios, strict=True):
        yield f"Traffic {text}", scenario.describe()
    yield "Load", load.concurrency_in_words
    limit = f"{load.max_requests_per_level:,} requests or {load.max_minutes_per_level} min a level"
    yield "Length", f"{limit}, whichever ends first"
    if load.additional_params:
        told = ", ".join(f"{key} {value}" for key, value in load.additional_params.items())
        yield "Request parameters", told
    yield "Model", f"{spec.model.id_or_path}, served as {spec.served_model_name}"
    yield "Tokens counted by", spec.tokenizer
    yield (
        "Search",
        f"{search.strategy.replace('_', ' ')}, at most {search.max_iterations} experiments",
    )
    yield "Time limit", f"{words.duration(search.timeout_per_iteration)} for one experiment"


def rules(spec: TaskSpec, *, has_final: bool) -> tuple[str, ...]:
    """What held for every experiment."""
    return tuple(_rules(spec, has_final=has_final))


def _rules(spec: TaskSpec, *, has_final: bool) -> Iterator[str]:
    yield (
        "Every configuration got the same requests in the same order, made from the seed, after an"
        " unmeasured warm-up of the freshly started server."
    )
    if spec.benchmark.fresh_prompts:
        yield "No prompt was sent twice, so that no answer came from a cache of prompts."
    else:
        yield "Every level of a scenario began with the same prompts: caches of prompts took part."
    yield "Every answer had to have the length that was asked for; others are counted as cut off."
    yield "The default is experiment 0, measured like every other."
    if spec.benchmark.remeasure_disturbed:
        yield "A load level during which something else kept the machine busy was measured again."
    if spec.optimization.prunes:
        yield "An experiment ended early once it could no longer be the best."
    if spec.optimization.confirm or has_final:
        yield (
            "After the search its leaders and the default are measured again, in turn; what chose"
            " them does not count for them any more."
        )
    else:
        yield "The task asked for no final: each configuration was measured once."
