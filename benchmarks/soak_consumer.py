"""The site's own consumer, with a stand-in for genai-bench that gives figures at once.

What is soaked is everything around the measuring: queue, claims, leases, ports, engine processes,
logs, database. genai-bench takes seconds to load itself, thousands of times over.
"""

import time
from collections.abc import Callable
from typing import Any, Self

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from experiments_app import runner  # noqa: E402
from experiments_app.benchmark import BenchmarkRequest, LevelResult  # noqa: E402
from experiments_app.benchmark.results import (  # noqa: E402
    AggregatedMetrics,
    RequestSample,
    Stat,
    Stats,
)
from experiments_app.load_order import Level  # noqa: E402

REQUESTS = 20


class Instant:
    """In place of `GenaiBench`: every level is measured at once."""

    ready_after_s = 0.0

    def __init__(self, request: BenchmarkRequest) -> None:
        self.request = request

    def __enter__(self) -> Self:
        self.request.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_of_exception: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def measure(
        self, level: Level, *, should_stop: Callable[[], None], **_options: Any
    ) -> LevelResult:
        should_stop()
        scenario, concurrency = level
        pace_s = 0.01 + (time.monotonic_ns() % 1_000) / 1e6
        samples = tuple(
            RequestSample(
                start_s=index * pace_s,
                end_s=(index + 8) * pace_s,
                ttft_s=pace_s,
                tpot_s=pace_s,
                e2e_s=8 * pace_s,
                input_tokens=16,
                output_tokens=8,
                asked_output_tokens=8,
                share_in_window=1.0,
            )
            for index in range(REQUESTS)
        )
        nothing = Stat()
        return LevelResult(
            scenario=scenario,
            concurrency=concurrency,
            samples=samples,
            duration_s=REQUESTS * pace_s,
            window_s=REQUESTS * pace_s,
            stopped_by="requests",
            client_cpu_share=0.0,
            client_busy_share=0.0,
            client_lag_s=0.0,
            client_bound=False,
            reported=AggregatedMetrics(
                scenario=scenario,
                num_concurrency=concurrency,
                run_duration=REQUESTS * pace_s,
                mean_output_throughput_tokens_per_s=8 / pace_s,
                mean_total_tokens_throughput_tokens_per_s=24 / pace_s,
                requests_per_second=1 / pace_s,
                error_codes_frequency={},
                num_error_requests=0,
                num_completed_requests=REQUESTS,
                num_requests=REQUESTS,
                stats=Stats(
                    ttft=nothing,
                    tpot=nothing,
                    e2e_latency=nothing,
                    output_latency=nothing,
                    num_input_tokens=nothing,
                    num_output_tokens=nothing,
                    total_tokens=nothing,
                ),
            ),
        )


if __name__ == "__main__":
    vars(runner)["GenaiBench"] = Instant
    call_command("run_consumer")
