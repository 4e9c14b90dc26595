"""How numbers, times and states are put for people. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks_app.expressions import Scalar

SHORT_UNITS: Mapping[str, str] = {
    "maximize_throughput": "tokens/s",
    "maximize_goodput": "good requests/s",
    "minimize_latency": "s",
    "minimize_ttft": "s",
    "minimize_tpot": "s",
    "minimize_cost": "per M tokens",
    "minimize_energy": "J/token",
}
OBJECTIVES: Mapping[str, str] = {
    "maximize_throughput": "highest throughput",
    "maximize_goodput": "highest goodput",
    "minimize_latency": "lowest end-to-end latency",
    "minimize_ttft": "lowest time to first token",
    "minimize_tpot": "lowest time per output token",
    "minimize_cost": "lowest cost per output token",
    "minimize_energy": "lowest energy per output token",
}
_GAINS: Mapping[str, str] = {
    "maximize_throughput": "more output tokens per second than the default",
    "maximize_goodput": "more requests within the SLO than the default",
    "minimize_latency": "faster from request to last token than the default",
    "minimize_ttft": "faster to the first token than the default",
    "minimize_tpot": "faster per output token than the default",
    "minimize_cost": "more output tokens for the same money than the default",
    "minimize_energy": "more output tokens for the same energy than the default",
}
OF_TOKENS: Mapping[str, str] = {
    "cost_per_million_tokens": "cost per million output tokens",
    "joules_per_token": "joules per output token",
}


def experiment(number: int | None) -> str:
    """`experiment 4`; of number 0, and of none, `the default`."""
    return f"experiment {number}" if number else "the default"


def short_experiment(number: int) -> str:
    """`#4`; of number 0 `the default`."""
    return f"#{number}" if number else "the default"


def capital(text: str) -> str:
    """To begin a sentence with; all else stays as it is."""
    return text[:1].upper() + text[1:]


def number(value: float) -> str:
    """Four significant digits, never an exponent: 1,235 · 412.3 · 0.03120."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    for bound, digits in ((100, 1), (10, 2), (1, 3), (0.1, 4), (0.01, 5), (0.001, 6)):
        if size >= bound:
            return f"{value:.{digits}f}"
    return f"{value:.7f}" if value else "0"


def score(value: float, objective: str) -> str:
    return f"{number(value)} {SHORT_UNITS[objective]}"


def percent(ratio: float) -> str:
    """A signed change: 0.382 as +38.2%; what rounds to nothing has no sign."""
    told = f"{ratio:+.1%}".replace("-", "−")
    return "0.0%" if told[1:] == "0.0%" else told


def interval(bounds: Sequence[float]) -> str:
    """The bounds of a change: (0.27, 0.35) as `27% to 35%`, narrow ones with a decimal, those
    that go below 0 with their signs."""
    low, high = bounds
    digits = 1 if high - low < 0.03 else 0
    sign = "+" if low < 0 else ""
    told = (f"{bound:{sign}.{digits}%}".replace("-", "−") for bound in (low, high))
    return " to ".join(told)


def chance(share: float) -> str:
    """A probability as it may be told: 0.123 as `a chance of 12%`, hardly any as `less than 1%`."""
    if share < 0.01:
        return "a chance of less than 1%"
    return f"a chance of {min(share, 0.99):.0%}"


def gain(objective: str) -> str:
    """What a gain is a gain in; stands after the percentage."""
    return _GAINS[objective]


def size(size_bytes: float) -> str:
    """512 bytes · 7.4 KiB · 640 MiB · 3.2 GiB · 128 GiB"""
    gibibytes = size_bytes / 2**30
    if size_bytes < 2**10:
        return f"{size_bytes:.0f} bytes"
    if gibibytes < 1:
        unit, count = (
            ("KiB", size_bytes / 2**10) if size_bytes < 2**20 else ("MiB", gibibytes * 2**10)
        )
        return (
            f"{count:.1f}".removesuffix(".0") + f" {unit}" if count < 10 else f"{count:.0f} {unit}"
        )
    return f"{gibibytes:.1f} GiB" if gibibytes < 100 else f"{gibibytes:.0f} GiB"


def duration(seconds: float) -> str:
    """45 s · 2 min 05 s · 1 h 04 min"""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def time_left(seconds: float) -> str:
    if seconds < 45:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {max(minutes, 1)} min left"
    return f"about {minutes // 60} h {minutes % 60:02} min left"


def flag_value(value: Scalar) -> str:
    """A value as the task file writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def domain(data: Any) -> str:
    """What a parameter may be, from its place in the task file: `1, 4, 8`, `64 to 512, log scale`
    or `1, 3, only when tree == true`."""
    if isinstance(data, Mapping):
        if data.get("when"):
            always = {key: item for key, item in data.items() if key != "when"}
            return f"{domain(always)}, only when {data['when']}"
        if "values" in data:
            return domain(data["values"])
        step = f" by {flag_value(data['step'])}" if data.get("step") is not None else ""
        scale = ", log scale" if data.get("log") else ""
        return f"{flag_value(data['low'])} to {flag_value(data['high'])}{step}{scale}"
    return ", ".join(map(flag_value, data))


LIKELY_LEVELS = 8
"""Of a search for the load, which does not know beforehand how many it takes."""

_PHASES: Mapping[str, str] = {
    "pulling": "pulling the image",
    "waiting_for_docker": "waiting for the Docker engine to answer",
    "checking_model": "checking model and tokenizer",
    "comparing_answers": "comparing answers with the default's",
}


def phase(progress: Mapping[str, Any]) -> str:
    """What a running experiment does: `measuring D(100,50) at concurrency 8 · 63 of 100 requests`.

    `progress` is the column of that name: phase; while measuring also scenario, concurrency,
    requests and requests_total; while pulling image, done_bytes, total_bytes, layers, layers_done.
    """
    name = str(progress.get("phase") or "waiting for a worker")
    words = _PHASES.get(name, name.replace("_", " "))
    if name == "pulling":
        return " · ".join([f"{words} {progress.get('image', '')}".strip(), *_pulled(progress)])
    if "scenario" in progress:
        words += f" {progress['scenario']} at concurrency {progress['concurrency']}"
    if "requests_total" in progress:
        words += f" · {progress['requests']} of {progress['requests_total']} requests"
    return words


def _pulled(progress: Mapping[str, Any]) -> Iterator[str]:
    """Docker learns the sizes of layers as it goes, so that the total may grow."""
    if total := progress.get("total_bytes"):
        yield f"{size(progress.get('done_bytes') or 0)} of {size(total)}"
    if layers := progress.get("layers"):
        yield f"{progress.get('layers_done') or 0} of {layers} layers"


def phase_fraction(progress: Mapping[str, Any]) -> float:
    """How much of an experiment is done, roughly, 0 to 1; it only grows from phase to phase."""
    match progress.get("phase"):
        case "pulling" | "checking_model":
            return 0.02
        case "starting":
            return 0.05
        case "warming_up":
            return 0.15
        case "comparing_answers":
            return 0.18
        case "measuring":
            level = float(progress.get("level", 1)) - 1
            total = max(float(progress.get("requests_total", 0)), 1.0)
            done = level + float(progress.get("requests", 0)) / total
            levels = progress.get("levels") or LIKELY_LEVELS
            return 0.2 + 0.75 * min(done / max(float(levels), 1.0), 1.0)
        case "stopping":
            return 0.97
        case _:
            return 0.0


def load_found(found: Mapping[str, Any]) -> str:
    """The answer of a search for the load: `carries 24 requests at once (saturated)`."""
    verdict, load = found["verdict"], found["concurrency"]
    if load is None:
        return str(verdict)
    least = "at least " if verdict in {"not saturated", "budget spent"} else ""
    return f"carries {least}{load} requests at once ({verdict})"


def slo(name: str, bound: float) -> str:
    """A bound of the SLO: `ttft_p99_s` 0.5 as `TTFT p99 at most 0.5 s`."""
    if name == "error_rate":
        return f"errors at most {bound * 100:g}%"
    return f"{latency(name)} at most {bound:g}{'' if name in OF_TOKENS else ' s'}"


def latency(name: str) -> str:
    """What an SLO bounds: `ttft_p99_s` as `TTFT p99`."""
    if name in OF_TOKENS:
        return OF_TOKENS[name]
    metric, _, statistic = name.removesuffix("_s").partition("_")
    return f"{metric.upper()} {statistic}"


QUALITY: Mapping[str, str] = {
    "token_agreement": "tokens that agree with the default's answers",
    "exact_match": "answers that are the same as the default's",
    "logprob_distance": "distance of the log-probabilities from the default's",
}


def quality(name: str, value: float) -> str:
    """A figure of how answers compare: `58%`, or `0.031 nats`."""
    return f"{value:.3f} nats" if name == "logprob_distance" else f"{value:.0%}"


def cause(error_kind: str) -> str:
    """Why something failed: `model_not_found` as `model not found`."""
    return error_kind.replace("_", " ").replace("gpu", "GPU") or "error"
