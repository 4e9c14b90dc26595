"""Reads what a run left behind, and believes it only when it adds up."""

from pathlib import Path

from pydantic import ValidationError

from experiments_app.benchmark.client_limit import is_client_bound
from experiments_app.benchmark.errors import BenchmarkError, ErrorKind
from experiments_app.benchmark.request import BenchmarkRequest, Key
from experiments_app.benchmark.results import (
    LevelFile,
    LevelResult,
    RequestMetrics,
    RequestSample,
    RequestTiming,
    TimingsFile,
)

MIN_WINDOW_SHARE = 1 / 3
"""A shorter window of full load says less than the whole level does."""


def read_level(request: BenchmarkRequest, level: Key, index: int) -> LevelResult:
    """The result of `level`, which ended as the `index`th of its run, from 0.

    Raises BenchmarkError when it is missing, doubled, or does not add up.
    """
    scenario, concurrency = level
    named = f"{scenario} at concurrency {concurrency}"
    contents = [
        content
        for path in sorted(request.folder.glob(f"*_concurrency_{concurrency}_*.json"))
        if (content := _read_level(path)).aggregated_metrics.level == level
    ]
    if not contents:
        raise BenchmarkError(
            ErrorKind.INCOMPLETE,
            f"genai-bench left no result for {named}: no request was answered there in "
            f"{request.max_minutes_per_level} minutes",
        )
    if len(contents) > 1:
        raise BenchmarkError(ErrorKind.INCOMPLETE, f"genai-bench reports {named} twice")
    timings = _read_timings(request.folder / "timings" / f"level_{index}.json")
    if (timings.scenario, timings.concurrency) != level:
        raise BenchmarkError(
            ErrorKind.INCOMPLETE,
            f"level {index + 1} was {timings.scenario} at concurrency {timings.concurrency},"
            f" and not {named}",
        )
    return level_result(contents[0], timings)


def set_aside(request: BenchmarkRequest, level: Key, take: int) -> None:
    """Keeps genai-bench's file of a level in a folder of its own, before it writes another."""
    folder = request.folder / f"take_{take}"
    folder.mkdir(exist_ok=True)
    for path in sorted(request.folder.glob(f"*_concurrency_{level[1]}_*.json")):
        if _read_level(path).aggregated_metrics.level == level:
            path.rename(folder / path.name)


def all_failed(result: LevelResult) -> BenchmarkError:
    """What a level without a single success is told as."""
    last = result.samples[-1]
    return BenchmarkError(
        ErrorKind.ALL_FAILED,
        f"All {result.num_requests} requests of {result.scenario} at concurrency "
        f"{result.concurrency} failed, the last one with error {last.error_code}: "
        f"{last.error_message}",
    )


def _read_level(path: Path) -> LevelFile:
    try:
        content = LevelFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BenchmarkError(
            ErrorKind.INCOMPLETE, f"{path.name} is not a result of genai-bench 0.0.5: {error}"
        ) from error
    if content.time_unit != "s":
        raise BenchmarkError(ErrorKind.INCOMPLETE, f"{path.name} is not in seconds")
    return content


def _read_timings(path: Path) -> TimingsFile:
    try:
        return TimingsFile.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BenchmarkError(ErrorKind.INCOMPLETE, f"{path} cannot be read: {error}") from error


def level_result(content: LevelFile, timings: TimingsFile) -> LevelResult:
    """Both files of a level as one. Raises BenchmarkError when they do not fit each other."""
    metrics = content.individual_request_metrics
    aggregated = content.aggregated_metrics
    if not metrics or len(metrics) != len(timings.requests):
        raise BenchmarkError(
            ErrorKind.INCOMPLETE,
            f"{aggregated.scenario} at concurrency {aggregated.num_concurrency}: genai-bench "
            f"reports {len(metrics)} requests, but {len(timings.requests)} were answered",
        )
    began = min(timing.start for timing in timings.requests)
    ended = max(timing.end for timing in timings.requests)
    window_end = timings.window_end if timings.window_end is not None else ended
    if window_end - began < MIN_WINDOW_SHARE * (ended - began):
        window_end = ended
    samples = tuple(
        _sample(metric, timing, began, window_end)
        for metric, timing in zip(metrics, timings.requests, strict=True)
    )
    ttfts = [sample.ttft_s for sample in samples if sample.ttft_s is not None]
    return LevelResult(
        scenario=aggregated.scenario,
        concurrency=aggregated.num_concurrency,
        samples=samples,
        duration_s=ended - began,
        window_s=window_end - began,
        stopped_by=timings.stopped_by,
        client_cpu_share=timings.client_cpu_share,
        client_busy_share=timings.client_busy_share,
        client_lag_s=timings.client_lag_s,
        client_bound=is_client_bound(
            busy_share=timings.client_busy_share,
            lag_s=timings.client_lag_s,
            mean_ttft_s=sum(ttfts) / len(ttfts) if ttfts else None,
        ),
        reported=aggregated,
        prompts_sha256=timings.prompts_sha256,
    )


def _sample(
    metric: RequestMetrics, timing: RequestTiming, began: float, window_end: float
) -> RequestSample:
    failed = metric.error_code is not None
    return RequestSample(
        start_s=timing.start - began,
        end_s=timing.end - began,
        ttft_s=None if failed else metric.ttft,
        tpot_s=None if failed else metric.tpot,
        e2e_s=None if failed else metric.e2e_latency,
        input_tokens=metric.num_input_tokens or 0,
        output_tokens=metric.num_output_tokens or 0,
        asked_output_tokens=timing.asked_output_tokens,
        error_code=metric.error_code,
        error_message=metric.error_message or "",
        share_in_window=0.0 if failed else _share_before(window_end, metric, timing),
    )


def _share_before(moment: float, metric: RequestMetrics, timing: RequestTiming) -> float:
    """The share of the output that had come by `moment`: the first token at the TTFT, the others
    evenly until the end."""
    if timing.end <= moment:
        return 1.0
    tokens = metric.num_output_tokens or 0
    first = timing.start + (metric.ttft or 0.0)
    if moment < first or tokens < 1:
        return 0.0
    return (1 + (tokens - 1) * (moment - first) / (timing.end - first)) / tokens
