"""The fields of the task form: which key of the task file each holds, and how it is written.

A field's text becomes a value of the task document and back; what the value may be is the
business of `spec.py` alone. A text that cannot be read as the field's kind is passed on as it is
typed, so that the schema can say what is wrong with it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms

from tasks_app.documents import DocumentError, load_document
from tasks_app.scenarios import split_scenarios
from tasks_app.taskfile import dump_document

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
OMITTED: Final = object()


@dataclass(frozen=True)
class Kind:
    """How a value is written in a field. `read` raises DocumentError for an unreadable text."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    rows: int = 0


def _read_number(text: str) -> int | str:
    text = text.strip()
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def _read_numbers(text: str) -> list[int | str]:
    return [_read_number(part) for part in re.split(r"[,;\s]+", text) if part]


def _read_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _write_yaml(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return dump_document(value).rstrip("\n") if value else ""


def _write_yaml_or_empty(value: Any) -> str:
    return _write_yaml(value) or "{}"


def _join(value: Any, separator: str = ", ") -> str:
    return separator.join(map(str, value)) if isinstance(value, list) else str(value)


LINE = Kind(read=str.strip, write=str)
PROSE = Kind(read=lambda text: text.replace("\r\n", "\n"), write=str, rows=2)
NUMBER = Kind(read=_read_number, write=str)
NUMBERS = Kind(read=_read_numbers, write=_join)
SCENARIOS = Kind(read=split_scenarios, write=_join)
LINES = Kind(read=_read_lines, write=lambda value: _join(value, "\n"), rows=3)
YAML = Kind(read=load_document, write=_write_yaml, rows=4)
# Where the default is not empty, an empty value must be told from none.
YAML_WITH_DEFAULT = Kind(read=load_document, write=_write_yaml_or_empty, rows=2)


@dataclass(frozen=True)
class FieldPlace:
    """One field: its key in the task document, as `benchmark.num_concurrency`, and its looks.

    An empty field leaves its key out, so that the default holds. `width` is that of the field in
    its section: wide, half, third or quarter.
    """

    name: str
    path: str
    kind: Kind
    label: str
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    width: str = "wide"

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.path.split("."))

    def form_field(self) -> forms.Field:
        widget: forms.Widget
        if self.choices:
            widget = forms.Select(attrs={"class": "form-select"}, choices=self.choices)
        elif self.kind.rows:
            widget = forms.Textarea(
                attrs={"class": "form-control", "rows": self.kind.rows, "spellcheck": "false"}
            )
        else:
            widget = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})
        if self.kind is NUMBER:
            widget.attrs["inputmode"] = "numeric"
        widget.attrs.update(self.attributes)
        return forms.CharField(
            label=self.label, help_text=self.help, required=False, widget=widget, strip=False
        )

    def read(self, text: str) -> Any:
        """The value of a text; OMITTED for none. Raises DocumentError."""
        return self.kind.read(text) if text.strip() else OMITTED

    def text_in(self, document: Mapping[str, Any]) -> str:
        """What the field shows of a document."""
        value: Any = document
        for key in self.keys:
            if not isinstance(value, Mapping) or value.get(key) is None:
                return ""
            value = value[key]
        return self.kind.write(value)


@dataclass(frozen=True)
class Section:
    title: str
    help: str
    places: tuple[FieldPlace, ...]


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
            FieldPlace("base_runtime", "base_runtime", LINE, "Engine", width="half"),
            FieldPlace(
                "deployment_mode",
                "deployment_mode",
                LINE,
                "Runs",
                "Containers are not available on this site yet.",
                width="half",
            ),
        ),
    ),
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
    Section(
        "Environment",
        "For engines that need more than flags.",
        (
            FieldPlace(
                "environment",
                "environment",
                YAML,
                "Environment variables",
                "For the engine, one a line: OMP_PROC_BIND: close. Values of secret-looking "
                "names are shown masked.",
            ),
            FieldPlace(
                "runtime_image_tag",
                "runtime_image_tag",
                LINE,
                "Image tag",
                "For containers: a tag of the engine's own image.",
                width="half",
            ),
            FieldPlace(
                "runtime_image",
                "runtime_image",
                LINE,
                "Image",
                "For containers: any repository:tag or repository@sha256:….",
                width="half",
            ),
        ),
    ),
)
PLACES: Mapping[str, FieldPlace] = {
    place.name: place for section in SECTIONS for place in section.places
}


def place_of(path: str) -> FieldPlace | None:
    """The field that holds the key `path` of a problem, as `parameters.tp-size[1]`."""
    inside = [place for place in PLACES.values() if _is_within(path, place.path)]
    around = [place for place in PLACES.values() if path and _is_within(place.path, path)]
    return max(inside, key=lambda place: len(place.path), default=around[0] if around else None)


def _is_within(path: str, section: str) -> bool:
    return path == section or path.startswith((f"{section}.", f"{section}["))


__all__ = ["OMITTED", "PLACES", "SECTIONS", "DocumentError", "FieldPlace", "Section", "place_of"]
