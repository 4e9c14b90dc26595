"""Runs of any length, written in bulk: what charts are drawn from."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from experiments_app.models import Experiment, Measurement
from tasks_app.models import Task
from tests.factories import make_task

PARAMETERS: dict[str, Any] = {
    "threads": [1, 2, 4, 8],
    "cache-type": ["f16", "q8_0", "q4_0"],
    "ubatch-size": {"low": 32, "high": 2048, "log": True},
    "flash-attn": [True, False],
    "spill": {"low": 0.0, "high": 1.0},
}
BENCHMARK = {"traffic_scenarios": ["D(100,50)"], "num_concurrency": [1, 4, 16]}


def run_of(
    count: int,
    *,
    repeats: int = 1,
    scale: float = 1.0,
    failing: float = 0.08,
    infeasible: float = 0.05,
    measured: int = 40,
    **changes: Any,
) -> Task:
    """A completed task of `count` experiments whose scores depend on its parameters.

    The first `measured` have measurements. `failing` and `infeasible` are shares.
    """
    document = {
        "parameters": PARAMETERS,
        "benchmark": BENCHMARK,
        "optimization": {"strategy": "random", "max_iterations": max(count - 1, 1)},
        "slo": {"ttft_p99_s": 1.5},
    }
    task = make_task(**(document | changes))
    task.start()
    rng = random.Random(7)
    began = timezone.now() - timedelta(seconds=40 * count)
    rows = [_experiment(task, n, rng, began, failing, infeasible, scale) for n in range(count)]
    Experiment.objects.bulk_create(rows)
    stored = list(task.experiments.order_by("number")[:measured])
    Measurement.objects.bulk_create(
        row for e in stored if e.status == "success" for row in _measurements(task, e, repeats, rng)
    )
    task.runs.update(started_at=began)
    if any(row.status == "success" for row in rows):
        task.complete(f"{count} experiments ended")
    else:
        task.fail("nothing could be measured")
    return task


def _experiment(
    task: Task,
    number: int,
    rng: random.Random,
    began: Any,
    failing: float,
    infeasible: float,
    scale: float,
) -> Experiment:
    parameters = {} if number == 0 else {
        name: domain.sample(rng) for name, domain in task.spec.parameters.items()
    }  # fmt: skip
    ended = began + timedelta(seconds=40 * (number + 1))
    common = {
        "task": task, "run": task.run, "number": number, "parameters": parameters,
        "started_at": ended - timedelta(seconds=38), "completed_at": ended,
    }  # fmt: skip
    luck = rng.random()
    if luck < failing:
        error = "the server ended with signal 9 before it was ready; its last lines:\nKilled"
        return Experiment(status="failed", error_kind="out_of_memory", error=error, **common)
    if luck < failing + infeasible:
        return Experiment(status="success", feasible=False, slo_excess=luck * 5, **common)
    score = scale * _pace(parameters) * rng.uniform(0.93, 1.07)
    names = task.spec.optimization.objectives or []
    scores = {name: score if name == "throughput" else rng.uniform(0.1, 2) for name in names}
    return Experiment(
        status="success", feasible=True, objective_score=score, scores=scores, **common
    )


def _pace(parameters: dict[str, Any]) -> float:
    threads = parameters.get("threads", 2)
    pace = 40.0 * (threads if isinstance(threads, int) else 2) ** 0.6
    pace *= {"q4_0": 1.25, "q8_0": 1.1}.get(str(parameters.get("cache-type")), 1.0)
    if parameters.get("flash-attn"):
        pace *= 1.15
    batch = parameters.get("ubatch-size", 512)
    return float(pace) * (1 - abs(float(batch) - 500) / 5000)


def _measurements(
    task: Task, experiment: Experiment, repeats: int, rng: random.Random
) -> Sequence[Measurement]:
    peak = experiment.objective_score or 50.0
    rows = []
    for point in task.spec.points():
        for repeat in range(1, repeats + 1):
            noise = rng.uniform(0.94, 1.06) if repeats > 1 else 1.0
            rate = peak * (1 - 0.75 / point.concurrency) * noise
            latencies = {
                "ttft": 0.08 * point.concurrency**0.9 / noise,
                "tpot": point.concurrency / rate / noise,
                "e2e": (0.08 * point.concurrency**0.9 + 50 * point.concurrency / rate) / noise,
            }
            columns = {
                f"{name}_{statistic}_s": value * factor
                for name, value in latencies.items()
                for statistic, factor in zip(
                    ("mean", "p50", "p90", "p95", "p99"), (1, 0.97, 1.2, 1.3, 1.6), strict=True
                )
            }
            rows.append(
                Measurement(
                    experiment=experiment, repeat=repeat, scenario=point.scenario,
                    concurrency=point.concurrency, num_requests=50, duration_s=20,
                    output_tokens_per_s=rate, total_tokens_per_s=3 * rate,
                    requests_per_s=rate / 50, good_requests_per_s=rate / 50, **columns,
                )
            )  # fmt: skip
    return rows
