"""Fills a database with as many tasks and experiments as a busy site has after years.

Rows are made in bulk, in the states and with the figures that runs leave behind. For
`site_pages.py`, and for looking at the pages by hand.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from experiments_app.metrics import LATENCIES, STATISTICS
from experiments_app.models import Experiment, Measurement
from tasks_app.models import Label, Run, Task, TaskVersion
from tasks_app.spec import TaskSpec

POINTS = (("D(100,100)", 1), ("D(100,100)", 8))
SPACES: dict[str, dict[str, Any]] = {
    "llamacpp": {
        "threads": [1, 2, 4, 8],
        "parallel": [1, 2, 4, 8, 16],
        "ubatch-size": {"low": 32, "high": 2048, "log": True},
        "batch-size": [256, 512, 1024, 2048],
        "flash-attn": ["on", "off"],
    },
    "sglang": {
        "chunked-prefill-size": [2048, 4096, 8192],
        "max-running-requests": {"low": 8, "high": 256, "log": True},
        "schedule-policy": ["lpm", "fcfs"],
        "num-continuous-decode-steps": [1, 2, 4],
        "mem-fraction-static": [0.8, 0.85, 0.9],
    },
    "vllm": {
        "max-num-seqs": {"low": 8, "high": 512, "log": True},
        "max-num-batched-tokens": [2048, 4096, 8192, 16384],
        "block-size": [16, 32],
        "gpu-memory-utilization": [0.85, 0.9, 0.95],
        "enable-chunked-prefill": [True, False],
    },
}
RUNTIMES = tuple(SPACES)
BATCH = 2_000


def fill(tasks: int, experiments: int, *, owner: User, seed: int = 0) -> list[Task]:
    """`tasks` tasks of one ended run with `experiments` each; the first of them still runs."""
    rng = random.Random(seed)
    offset = Task.objects.count()
    labels = [Label.objects.get_or_create(name=name)[0] for name in ("nightly", "chat", "rag")]
    made = Task.objects.bulk_create(
        [_task(offset + number, experiments, owner, rng, running=number == 0 and offset == 0)
         for number in range(tasks)],
        batch_size=BATCH,
    )  # fmt: skip
    Run.objects.bulk_create([_run(task) for task in made], batch_size=BATCH)
    TaskVersion.objects.bulk_create([_version(task) for task in made], batch_size=BATCH)
    Task.labels.through.objects.bulk_create(
        [Task.labels.through(task=task, label=rng.choice(labels)) for task in made],
        batch_size=BATCH,
    )
    for start in range(0, len(made), 20):
        rows = Experiment.objects.bulk_create(
            [e for task in made[start : start + 20] for e in _experiments(task, experiments, rng)],
            batch_size=BATCH,
        )
        Measurement.objects.bulk_create(
            [m for e in rows if e.status == Experiment.Status.SUCCESS for m in _measured(e, rng)],
            batch_size=BATCH,
        )
    return made


def _task(number: int, experiments: int, owner: User, rng: random.Random, running: bool) -> Task:
    spec = TaskSpec.from_data(
        {
            "task_name": f"llama-{rng.choice((1, 3, 8, 70))}b for team {number % 7}, {number}",
            "description": "Which flags hold the promise at the load of a working day?",
            "deployment_mode": "local",
            "base_runtime": RUNTIMES[number % len(RUNTIMES)],
            "model": {"id_or_path": f"meta-llama/Llama-3.{number % 4}-8B-Instruct"},
            "parameters": SPACES[RUNTIMES[number % len(RUNTIMES)]],
            "optimization": {"strategy": "random", "max_iterations": max(experiments - 1, 1)},
            "slo": {"ttft_p99_s": 2.0},
            "benchmark": {
                "traffic_scenarios": sorted({scenario for scenario, _ in POINTS}),
                "num_concurrency": [concurrency for _, concurrency in POINTS],
            },
        }
    )
    started = timezone.now() - timedelta(hours=number + 1)
    return Task.from_spec(
        spec,
        status=Task.Status.RUNNING if running else Task.Status.COMPLETED,
        created_by=owner,
        created_at=started,
        updated_at=started,
        started_at=started,
        completed_at=None if running else started + timedelta(minutes=50),
    )


def _run(task: Task) -> Run:
    assert task.started_at is not None
    return Run(
        task=task,
        number=1,
        spec=task.spec_data(),
        status=task.status,
        started_at=task.started_at,
        completed_at=task.completed_at,
    )


def _version(task: Task) -> TaskVersion:
    return TaskVersion(
        task=task,
        number=1,
        kind=TaskVersion.Kind.CREATED,
        spec=task.spec_data(),
        changed_by=task.created_by,
        changed_at=task.updated_at,
    )


def _experiments(task: Task, count: int, rng: random.Random) -> Iterator[Experiment]:
    assert task.started_at is not None
    for number in range(count):
        started = task.started_at + timedelta(seconds=30 * number)
        if task.status == Task.Status.RUNNING and number == count - 1:
            yield _active(task, number, timezone.now() - timedelta(seconds=12))
        else:
            yield _ended(task, number, started, rng)


def _ended(task: Task, number: int, started: datetime, rng: random.Random) -> Experiment:
    outcome = "success" if number == 0 else rng.choice(("success",) * 8 + ("infeasible", "failed"))
    outcomes: dict[str, dict[str, Any]] = {
        "success": {
            "status": Experiment.Status.SUCCESS,
            "feasible": True,
            "objective_score": rng.uniform(40, 160),
        },
        "infeasible": {
            "status": Experiment.Status.SUCCESS,
            "feasible": False,
            "slo_excess": rng.uniform(0.01, 2),
        },
        "failed": {
            "status": Experiment.Status.FAILED,
            "error_kind": "out_of_memory",
            "error": "the server ended with signal 9 before it was ready; its last lines:\nKilled",
        },
    }
    return Experiment(
        task=task,
        run=1,
        number=number,
        parameters={} if number == 0 else _configuration(task.base_runtime, rng),
        command=["llama-server", "--model", "/models/model.gguf", "--port", "8000"],
        start_s=1.4,
        warm_up_s=4.2,
        measure_s=22.0,
        stop_s=0.3,
        attempt=1,
        created_at=started,
        started_at=started,
        completed_at=started + timedelta(seconds=28),
        **outcomes[outcome],
    )


def _active(task: Task, number: int, started: datetime) -> Experiment:
    return Experiment(
        task=task,
        run=1,
        number=number,
        status=Experiment.Status.BENCHMARKING,
        parameters={},
        owner_token="benchmark",
        lease_expires_at=timezone.now() + timedelta(days=1),
        attempt=1,
        started_at=started,
        progress={
            "phase": "measuring", "scenario": POINTS[0][0], "concurrency": POINTS[0][1],
            "level": 1, "levels": len(POINTS), "requests": 15, "requests_total": 100, "errors": 0,
        },
    )  # fmt: skip


def _configuration(runtime: str, rng: random.Random) -> dict[str, Any]:
    return {
        name: rng.choice(domain)
        if isinstance(domain, list)
        else rng.randint(domain["low"], domain["high"])
        for name, domain in SPACES[runtime].items()
    }


def _measured(experiment: Experiment, rng: random.Random) -> Iterator[Measurement]:
    for scenario, concurrency in POINTS:
        rate = (experiment.objective_score or 30.0) * (1.0 if concurrency > 1 else 0.4)
        tpot_s, ttft_s = concurrency / rate, rng.uniform(0.05, 0.4) * concurrency
        means = {"ttft": ttft_s, "tpot": tpot_s, "e2e": ttft_s + 99 * tpot_s}
        growth = dict(zip(STATISTICS, (1.0, 0.97, 1.2, 1.31, 1.62), strict=True))
        yield Measurement(
            experiment=experiment,
            scenario=scenario,
            concurrency=concurrency,
            num_requests=100,
            duration_s=100 * 100 / rate,
            output_tokens_per_s=rate,
            total_tokens_per_s=2 * rate,
            requests_per_s=rate / 100,
            good_requests_per_s=rate / 110,
            **{
                f"{latency}_{statistic}_s": means[latency] * growth[statistic]
                for latency in LATENCIES
                for statistic in STATISTICS
            },
        )
