"""The sections of the task form, and which field holds a key of the task file."""

from collections.abc import Mapping

from tasks_app.form_deployment import DEPLOYMENT
from tasks_app.form_fields import (
    LINE,
    LINES,
    NUMBER,
    NUMBERS,
    PROSE,
    SCENARIOS,
    YAML,
    YAML_WITH_DEFAULT,
    FieldPlace,
    Section,
)

SECTIONS: tuple[Section, ...] = (
    Section(
        "Task",
        "What this is about.",
        (
            FieldPlace(
                "task_name",
                "task_name",
                LINE,
                "Name",
                "Unique on this site.",
                attributes={"maxlength": "200", "aria-required": "true"},
            ),
            FieldPlace("description", "description", PROSE, "Description"),
        ),
    ),
    Section(
        "Model and engine",
        "What is served, and with what.",
        (
            FieldPlace(
                "model",
                "model.id_or_path",
                LINE,
                "Model",
                "The built-in smollm2-135m, an absolute path to a .gguf file, or a hub id.",
                attributes={"placeholder": "smollm2-135m", "aria-required": "true"},
            ),
            FieldPlace("base_runtime", "base_runtime", LINE, "Engine"),
        ),
    ),
    DEPLOYMENT,
    Section(
        "Parameters",
        "The flags to try, without dashes, and the values each may take.",
        (
            FieldPlace(
                "parameters",
                "parameters",
                YAML,
                "Search space",
                "One flag a line. Choices: [1, 2, 4], true and false for a switch. "
                "Ranges: {low: 0.7, high: 0.9, step: 0.05} or {low: 512, high: 8192, log: true}.",
                attributes={
                    "placeholder": "threads: [1, 2, 4]\nparallel: [1, 4, 8]",
                    "aria-required": "true",
                },
            ),
            FieldPlace(
                "fixed_parameters",
                "fixed_parameters",
                YAML,
                "Fixed parameters",
                "Set for every experiment, the baseline included: ctx-size: 4096",
                width="half",
            ),
            FieldPlace(
                "constraints",
                "constraints",
                LINES,
                "Constraints",
                "One a line; only configurations that meet all are tried: threads <= 4",
                width="half",
            ),
        ),
    ),
    Section(
        "Goal",
        "What is best, and how long to look for it.",
        (
            FieldPlace(
                "objective",
                "optimization.objective",
                LINE,
                "Objective",
                choices=(
                    ("maximize_throughput", "Highest throughput (output tokens/s per device)"),
                    ("maximize_goodput", "Highest goodput (requests/s within the SLO, per device)"),
                    ("minimize_latency", "Lowest end-to-end latency"),
                    ("minimize_ttft", "Lowest time to first token (TTFT)"),
                    ("minimize_tpot", "Lowest time per output token (TPOT)"),
                ),
            ),
            FieldPlace(
                "slo",
                "slo",
                YAML,
                "SLO",
                "Bounds that must hold, in seconds: ttft_p99_s: 0.5, tpot_mean_s: 0.03, "
                "e2e_p90_s: 5.0; error_rate as a share, 0.01 unless set.",
                attributes={"placeholder": "ttft_p99_s: 0.5\ntpot_mean_s: 0.03"},
            ),
            FieldPlace(
                "strategy",
                "optimization.strategy",
                LINE,
                "Strategy",
                choices=(
                    ("auto", "Automatic"),
                    ("grid_search", "Grid: every configuration in turn"),
                    ("random", "Random"),
                    ("bayesian", "Bayesian"),
                ),
                width="quarter",
            ),
            FieldPlace(
                "max_iterations",
                "optimization.max_iterations",
                NUMBER,
                "Experiments",
                "At most; the baseline is not counted.",
                width="quarter",
            ),
            FieldPlace(
                "timeout_per_iteration",
                "optimization.timeout_per_iteration",
                NUMBER,
                "Time limit of an experiment",
                "In seconds, start and warm-up included.",
                width="quarter",
            ),
            FieldPlace(
                "seed",
                "optimization.seed",
                NUMBER,
                "Seed",
                "The same seed repeats the search.",
                width="quarter",
            ),
        ),
    ),
    Section(
        "Load",
        "What every configuration is measured with.",
        (
            FieldPlace(
                "traffic_scenarios",
                "benchmark.traffic_scenarios",
                SCENARIOS,
                "Traffic scenarios",
                "D(100,50) is 100 tokens in and 50 out; N(mean,stddev)/(mean,stddev) and "
                "U(min,max)/(min,max) vary. Separate several by commas.",
            ),
            FieldPlace(
                "num_concurrency",
                "benchmark.num_concurrency",
                NUMBERS,
                "Concurrency",
                "Requests at the same time; several levels by commas: 1, 4, 8.",
                width="third",
            ),
            FieldPlace(
                "max_requests_per_level",
                "benchmark.max_requests_per_level",
                NUMBER,
                "Requests per level",
                "At most.",
                width="third",
            ),
            FieldPlace(
                "max_minutes_per_level",
                "benchmark.max_minutes_per_level",
                NUMBER,
                "Minutes per level",
                "At most.",
                width="third",
            ),
            FieldPlace(
                "benchmark_task",
                "benchmark.task",
                LINE,
                "Kind of requests",
                choices=(("text-to-text", "text-to-text"),),
                width="third",
            ),
            FieldPlace(
                "model_name",
                "benchmark.model_name",
                LINE,
                "Served model name",
                "Left empty: the last part of the model.",
                width="third",
            ),
            FieldPlace(
                "model_tokenizer",
                "benchmark.model_tokenizer",
                LINE,
                "Tokenizer",
                "Left empty: the model's own.",
                width="third",
            ),
            FieldPlace(
                "additional_params",
                "benchmark.additional_params",
                YAML_WITH_DEFAULT,
                "Request parameters",
                "Sent with every request: temperature: 0.0",
            ),
        ),
    ),
)
PLACES: Mapping[str, FieldPlace] = {
    place.name: place for section in SECTIONS for place in section.all_places
}


def place_of(path: str) -> FieldPlace | None:
    """The field that holds the key `path` of a problem, as `parameters.tp-size[1]`."""
    inside = [place for place in PLACES.values() if _is_within(path, place.path)]
    around = [place for place in PLACES.values() if path and _is_within(place.path, path)]
    return max(inside, key=lambda place: len(place.path), default=around[0] if around else None)


def _is_within(path: str, section: str) -> bool:
    return path == section or path.startswith((f"{section}.", f"{section}["))
