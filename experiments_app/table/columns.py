"""The columns that the table of experiments can have: what each shows and how it is sorted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments_app import words
from experiments_app.metrics import STATISTICS
from experiments_app.models import Experiment
from experiments_app.rows import Row
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec
from tasks_app.spec_quality import checks_quality

MAX_PARAMETER_COLUMNS = 6
PARAMETER = "p:"
ANSWERS = "token_agreement"
RATES = {
    "output_tokens_per_s": ("Output", "tokens/s"),
    "total_tokens_per_s": ("Total", "tokens/s"),
    "requests_per_s": ("Requests", "per s"),
    "good_requests_per_s": ("Goodput", "requests/s"),
    "num_errors": ("Errors", "requests"),
}
OF_TOKENS = {
    "cost_per_million_tokens": ("Cost", "per M tokens"),
    "joules_per_token": ("Energy", "J/token"),
}
LATENCIES = {"ttft": "TTFT", "tpot": "TPOT", "e2e": "E2E"}
PHASES = {
    "pull_s": "Pull",
    "start_s": "Start",
    "warm_up_s": "Warm-up",
    "quality_s": "Comparing answers",
    "measure_s": "Measure",
    "stop_s": "Stop",
}
METRICS: Mapping[str, tuple[str, str]] = (
    RATES
    | OF_TOKENS
    | {
        f"{latency}_{statistic}_s": (f"{title} {statistic}", "s")
        for latency, title in LATENCIES.items()
        for statistic in STATISTICS
    }
)
SHOWN_AT_FIRST = frozenset({"gain", "ttft_p90_s", "tpot_mean_s", "measure_s"})


@dataclass(frozen=True)
class Column:
    """`key` stands in addresses. `group` is under which heading it is chosen."""

    key: str
    title: str
    unit: str
    group: str
    is_shown: bool

    @property
    def parameter(self) -> str:
        """The parameter whose values it shows, or ""."""
        return self.key.removeprefix(PARAMETER) if self.key.startswith(PARAMETER) else ""

    @property
    def is_metric(self) -> bool:
        return self.key in METRICS

    def value(self, experiment: Experiment, gain: float | None, measured: Mapping[str, Any]) -> Any:
        """What it is sorted by; None where there is nothing."""
        if self.parameter:
            return experiment.parameters.get(self.parameter)
        if self.is_metric:
            return measured.get(self.key)
        if self.key == "gain":
            return gain
        if self.key == ANSWERS:
            return experiment.quality.get("token_agreement")
        return getattr(experiment, "objective_score" if self.key == "score" else self.key)

    def text(self, row: Row, measured: Mapping[str, Any]) -> str:
        if row.experiment is None:
            return ""
        value = self.value(row.experiment, row.gain, measured)
        if value is None:
            return ""
        if self.parameter:
            return words.flag_value(value)
        if self.key == "gain":
            return words.percent(value)
        if self.key == ANSWERS:
            return f"{100 * value:.0f}"
        return f"{value:.1f}" if self.key in PHASES else words.number(value)


def columns_of(spec: TaskSpec, choice: Mapping[str, bool]) -> tuple[Column, ...]:
    """All that a run's table can have, in their order. `choice`: what a reader put in or out."""
    runtime = site_runtimes().find(spec.base_runtime)
    few = len(spec.parameters) <= MAX_PARAMETER_COLUMNS

    def column(key: str, title: str, unit: str, group: str, *, at_first: bool) -> Column:
        return Column(key, title, unit, group, choice.get(key, at_first))

    found = [column("gain", "Gain", "", "Result", at_first=True)]
    is_checked = checks_quality(spec, runtime)
    if is_checked:
        found.append(column(ANSWERS, "Answers", "% of tokens agree", "Result", at_first=True))
    found += [
        column(f"{PARAMETER}{name}", name, "", "Parameters", at_first=few)
        for name in spec.parameters
    ]
    found += [
        column(key, title, unit, "Measured", at_first=key in SHOWN_AT_FIRST)
        for key, (title, unit) in METRICS.items()
    ]
    found += [
        column(key, title, "s", "Time", at_first=key in SHOWN_AT_FIRST)
        for key, title in PHASES.items()
        if key != "quality_s" or is_checked
    ]
    return tuple(found)
