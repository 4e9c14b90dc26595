"""The sections of the task form, and which field holds a key of the task file."""

from collections.abc import Mapping

from tasks_app.form.budget import BUDGET
from tasks_app.form.deployment import DEPLOYMENT
from tasks_app.form.fields import (
    LINE,
    LINES,
    PROSE,
    ROWS,
    FieldPlace,
    Section,
)
from tasks_app.form.goal import GOAL
from tasks_app.form.traffic import TRAFFIC

_RUNTIME = Section(
    "Runtime",
    "The inference server whose flags are tuned.",
    (
        FieldPlace(
            "base_runtime",
            "base_runtime",
            LINE,
            "Runtime",
            # The choices are the site's runtimes; this says what the shipped ones are.
            explained={
                "sglang": "Large models on GPUs, with prefix caching.",
                "vllm": "Large models on GPUs, with paged attention.",
                "llamacpp": "GGUF files on a CPU. No GPU is needed.",
            },
        ),
    ),
    slug="runtime",
)

_MODEL = Section(
    "Model",
    "What is served.",
    (
        FieldPlace(
            "model",
            "model.id_or_path",
            LINE,
            "Model",
            "A hub id, an absolute path, or the built-in smollm2-135m.",
            attributes={
                "placeholder": "meta-llama/Llama-3.2-1B-Instruct",
                "aria-required": "true",
                "list": "known-models",
                "spellcheck": "false",
            },
        ),
        FieldPlace(
            "model_name",
            "benchmark.model_name",
            LINE,
            "Model name",
            "Under which it is served.",
            width="half",
        ),
        FieldPlace(
            "model_tokenizer",
            "benchmark.model_tokenizer",
            LINE,
            "Tokenizer",
            "Counts the tokens of prompts and answers.",
            width="half",
        ),
    ),
    slug="model",
)

_TASK = Section(
    "Task",
    "How you find it again.",
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
    slug="task",
)

_PARAMETERS = Section(
    "Parameters",
    "The flags to try. Every combination of their values is a configuration.",
    (
        FieldPlace(
            "parameters",
            "parameters",
            ROWS,
            "Flags to try",
            "One flag a line. Choices: [1, 2, 4], true and false for a switch. "
            "Ranges: {low: 0.7, high: 0.9, step: 0.05} or {low: 512, high: 8192, log: true}. "
            "Only under a condition: {values: [1, 3], when: other-flag == 'x'}.",
        ),
    ),
    slug="parameters",
)

_FIXED = Section(
    "Fixed parameters",
    "Flags that every experiment has, the baseline included.",
    (
        FieldPlace(
            "fixed_parameters",
            "fixed_parameters",
            ROWS,
            "Fixed flags",
            "One a line: ctx-size: 4096",
        ),
    ),
    slug="fixed",
)

_CONSTRAINTS = Section(
    "Constraints",
    "Only configurations that meet all of them are tried.",
    (
        FieldPlace(
            "constraints",
            "constraints",
            LINES,
            "Constraints",
            "One a line, with names of flags: tp-size * dp-size <= gpus",
            attributes={"placeholder": "threads <= 4"},
        ),
    ),
    slug="constraints",
)

SECTIONS: tuple[Section, ...] = (
    _RUNTIME,
    _MODEL,
    _TASK,
    DEPLOYMENT,
    _PARAMETERS,
    _FIXED,
    _CONSTRAINTS,
    TRAFFIC,
    GOAL,
    BUDGET,
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
