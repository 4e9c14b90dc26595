"""Tasks and experiments in every state, with the figures that real ones have.

Rows are brought to their state by the models' own transitions wherever there is one.
"""

import itertools
import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from autotuner_site.roles import Role, give_role
from experiments_app.models import Channel, Delivery, Experiment, Measurement
from experiments_app.notifications import channels
from experiments_app.notifications.outcome import Outcome
from tasks_app.models import Preset, Task
from tasks_app.spec import Point, TaskSpec

_names = itertools.count(1)
TOKEN = "factory"
COMMAND = ["python", "-m", "experiments_app.llamacpp.server", "--model", "/models/smollm2.gguf"]
SCORES = (61.2, 58.9, 74.6, 88.3, 71.0, 96.4, 112.7, 104.1, 93.8, 118.5, 131.9, 127.4)


def make_user(name: str = "ada", *, role: Role | None = None) -> User:
    """A superuser, or an account with that role."""
    user = User(username=name, is_staff=role is None, is_superuser=role is None)
    user.set_password("not a secret")
    user.save()
    if role is not None:
        give_role(user, role)
    return user


UNCONFIRMED = {"confirm": False, "drift_check_every": None}


def task_data(**changes: Any) -> dict[str, Any]:
    """A valid task document, without a final unless told otherwise."""
    data: dict[str, Any] = {
        "task_name": f"smollm2-135m {next(_names)}",
        "description": "Which flags serve it best on this machine?",
        "deployment_mode": "local",
        "base_runtime": "llamacpp",
        "model": {"id_or_path": "smollm2-135m"},
        "parameters": {"threads": [1, 2], "parallel": [1, 4, 8], "ubatch-size": [64, 512]},
        "optimization": {"strategy": "grid_search", "max_iterations": 12, "confirm": False},
        "benchmark": {"traffic_scenarios": ["D(100,50)"], "num_concurrency": [8]},
    }
    data |= changes
    return data | {"optimization": UNCONFIRMED | data["optimization"]}


def make_task(**changes: Any) -> Task:
    """A pending task."""
    return Task.create(TaskSpec.from_data(task_data(**changes)))


def edit(task: Task, *, user: User | None = None, **changes: Any) -> None:
    """The task gets a new version in which these keys are others."""
    spec = TaskSpec.from_data(task.spec_data() | changes)
    task.replace_spec(spec, version=task.version, user=user)


def make_preset(name: str = "ours", **changes: Any) -> Preset:
    """One of the site's own, for llama.cpp unless told otherwise."""
    fields: dict[str, Any] = {
        "base_runtime": "llamacpp",
        "parameters": {"parallel": [1, 8]},
        "fixed_parameters": {"ctx-size": 4096},
        "notes": {"parallel": "we have few users"},
    }
    return Preset.objects.create(name=name, **(fields | changes))


def configurations(task: Task) -> list[dict[str, Any]]:
    """The baseline's parameters, then every configuration of the grid."""
    choices = [task.parameters[name] for name in task.parameters]
    grid = [
        dict(zip(task.parameters, values, strict=True)) for values in itertools.product(*choices)
    ]
    return [{}, *grid]


def make_experiment(
    task: Task, number: int, parameters: dict[str, Any] | None = None
) -> Experiment:
    """A pending experiment of the task's current run."""
    if parameters is None:
        parameters = configurations(task)[number]
    return Experiment.objects.create(task=task, run=task.run, number=number, parameters=parameters)


def waiting_verification(original: Experiment) -> Experiment:
    """Asked for, and not begun."""
    return Experiment.objects.create(
        task=original.task,
        run=original.run,
        number=original.number,
        repeat=2,
        purpose=Experiment.Purpose.VERIFY,
        parameters=original.parameters,
    )


def begin(experiment: Experiment, progress: dict[str, Any], seconds_ago: float = 20) -> Experiment:
    """Held by a worker that reports `progress`."""
    _begin(experiment, progress, seconds_ago)
    experiment.refresh_from_db()
    return experiment


def _begin(experiment: Experiment, progress: dict[str, Any], seconds_ago: float) -> None:
    """It is not read again: then its task would be too, and the task's document checked anew, a
    third of the time that it takes to make a finished experiment."""
    status = (
        Experiment.Status.BENCHMARKING
        if progress.get("phase") in {"warming_up", "measuring", "stopping"}
        else Experiment.Status.DEPLOYING
    )
    flags = [f"--{name}={value}" for name, value in experiment.parameters.items()]
    changes: dict[str, Any] = {
        "status": status,
        "owner_token": TOKEN,
        "progress": progress,
        "command": [*COMMAND, *flags],
        "port": 8000,
        "attempt": 1,
        "started_at": timezone.now() - timedelta(seconds=seconds_ago),
        "lease_expires_at": timezone.now() + timedelta(hours=1),
    }
    Experiment.objects.filter(pk=experiment.pk).update(**changes)
    for name, value in changes.items():
        setattr(experiment, name, value)


def succeed(
    experiment: Experiment, score: float | None, *, slo_excess: float | None = None
) -> Experiment:
    _begin(experiment, {"phase": "stopping"}, seconds_ago=38)
    measure(experiment, score or 40.0)
    experiment.succeed(
        TOKEN,
        score=score,
        slo_excess=slo_excess,
        start_s=1.4,
        warm_up_s=5.2,
        measure_s=28.9,
        stop_s=0.4,
    )
    return experiment


def fail(experiment: Experiment, kind: str = "out_of_memory", error: str = "") -> Experiment:
    begin(experiment, {"phase": "starting"}, seconds_ago=6)
    error = error or "the server ended with signal 9 before it was ready; its last lines:\nKilled"
    experiment.fail(TOKEN, kind=kind, error=error)
    return experiment


def prune(experiment: Experiment, bound: float | None, why: str = "") -> Experiment:
    """After its first level, which shows that it cannot be the best."""
    begin(experiment, {"phase": "stopping"}, seconds_ago=19)
    measure(experiment, bound or 40.0, first=1)
    experiment.prune(
        TOKEN,
        bound=bound,
        why=why or f"cannot beat #2: at most {bound} output tokens/s per device, #2 has 97",
        start_s=1.4,
        warm_up_s=5.2,
        measure_s=9.1,
        stop_s=0.4,
    )
    return experiment


def pruned_task() -> Task:
    """Two scenarios: the second of three configurations cannot win, the third misses the SLO."""
    load = {"traffic_scenarios": ["D(100,50)", "D(900,9)"], "num_concurrency": [8, 1]}
    task = make_task(benchmark=load, slo={"ttft_p99_s": 5.0})
    task.start()
    for number, score in enumerate((61.2, 58.9, 97.0)):
        succeed(make_experiment(task, number), score)
    prune(make_experiment(task, 3), 82.4)
    prune(make_experiment(task, 4), None, "cannot hold the SLO, as #2 does: TTFT p99 is 9 s")
    task.complete("3 of 5 experiments succeeded, 2 pruned")
    return task


def searched_task() -> Task:
    """Each configuration was measured at the load that it carries."""
    task = make_task(benchmark={"num_concurrency": "auto"}, slo={"ttft_p99_s": 5.0})
    task.start()
    answers: tuple[tuple[float, int, str, int | None], ...] = (
        (61.2, 11, "saturated", 12),
        (97.0, 24, "saturated", 26),
        (88.3, 256, "not saturated", None),
        (40.0, 8, "budget spent", None),
    )
    for number, (score, load, verdict, broken_at) in enumerate(answers):
        found = {"verdict": verdict, "concurrency": load, "rate": score, "broken_at": broken_at}
        experiment = make_experiment(task, number)
        begin(experiment, {"phase": "stopping"}, seconds_ago=38)
        points = [Point("D(100,100)", level) for level in sorted({1, 8, load})]
        measure(experiment, score, points=points)
        experiment.succeed(
            TOKEN,
            score=score,
            slo_excess=None,
            load_search={"D(100,100)": found},
            start_s=1.4,
            measure_s=9.1,
        )
    task.complete("4 of 4 experiments succeeded")
    return task


def measure(
    experiment: Experiment,
    rate: float,
    *,
    ttft_s: float = 0.412,
    first: int | None = None,
    points: Sequence[Point] | None = None,
    repeat: int = 1,
) -> None:
    """Measurements at every point of the task, or the `first` of them, or other `points`, the pace
    being `rate` output tokens/s."""
    for point in (points or experiment.task.spec.points())[:first]:
        tpot_s = point.concurrency / rate
        latencies = {"ttft": ttft_s, "tpot": tpot_s, "e2e": ttft_s + 49 * tpot_s}
        columns = {
            f"{name}_{statistic}_s": value * factor
            for name, value in latencies.items()
            for statistic, factor in (
                ("mean", 1.0), ("p50", 0.97), ("p90", 1.2), ("p95", 1.31), ("p99", 1.62)
            )
        }  # fmt: skip
        Measurement.objects.create(
            experiment=experiment,
            repeat=repeat,
            scenario=point.scenario,
            concurrency=point.concurrency,
            num_requests=24,
            duration_s=1200 / rate,
            output_tokens_per_s=rate,
            total_tokens_per_s=rate * 3,
            requests_per_s=rate / 50,
            good_requests_per_s=rate / 50,
            samples={
                "ttft_s": [ttft_s] * 24,
                "tpot_s": [tpot_s] * 24,
                "e2e_s": [latencies["e2e"]] * 24,
                "input_tokens": [100] * 24,
                "output_tokens": [50] * 24,
            },
            **columns,
        )


def running_task(finished: int = 4, **changes: Any) -> Task:
    """In the middle of a run: some experiments have ended, one is being measured."""
    task = make_task(**changes)
    task.start()
    for number in range(finished):
        experiment = make_experiment(task, number)
        if number == 3:
            fail(experiment)
        else:
            succeed(experiment, SCORES[number])
    progress = {
        "phase": "measuring", "scenario": "D(100,50)", "concurrency": 8, "level": 1, "levels": 1,
        "requests": 15, "requests_total": 24, "errors": 0,
    }  # fmt: skip
    begin(make_experiment(task, finished), progress)
    Task.objects.filter(pk=task.pk).update(started_at=timezone.now() - timedelta(seconds=170))
    task.refresh_from_db()
    return task


def completed_task(scores: tuple[float, ...] = SCORES, **changes: Any) -> Task:
    task = make_task(**changes)
    task.start()
    for number, score in enumerate(scores):
        succeed(make_experiment(task, number), score)
    task.complete(f"{len(scores)} of {len(scores)} experiments succeeded")
    return task


def infeasible_task() -> Task:
    """Everything was measured and nothing meets the SLO."""
    task = make_task(slo={"ttft_p99_s": 0.3})
    task.start()
    for number, excess in enumerate((1.2, 0.9, 0.373, 0.6)):
        succeed(make_experiment(task, number), None, slo_excess=excess)
    task.complete("4 of 4 experiments succeeded")
    return task


def failed_task() -> Task:
    task = make_task(model={"id_or_path": "/models/gone.gguf"})
    task.start()
    for number in range(3):
        fail(make_experiment(task, number), "model_not_found", "/models/gone.gguf: no such file")
    task.fail("3 of 3 experiments failed (model_not_found): /models/gone.gguf: no such file")
    return task


def cancelled_task() -> Task:
    task = make_task()
    task.start()
    succeed(make_experiment(task, 0), SCORES[0])
    succeed(make_experiment(task, 1), SCORES[1])
    task.cancel()
    return task


def with_usage(
    experiment: Experiment, gpu_ids: tuple[str, ...] = (), count: int = 38
) -> Experiment:
    """As a container's, sampled once a second, its second half being the measurement."""
    folder = Path(settings.HOME.results) / f"usage_{experiment.pk}"
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["cpu_cores", "memory_bytes"]
    for gpu_id in gpu_ids:
        columns += [
            f"{name}:{gpu_id}" for name in ("gpu_percent", "gpu_memory_bytes", "gpu_power_w")
        ]
    lines = [",".join(["elapsed_s", "phase", *columns])]
    for second in range(count):
        phase = (
            "starting"
            if second < count * 0.4
            else "measuring"
            if second < count - 2
            else "stopping"
        )
        busy = {"starting": 0.3, "measuring": 1.0, "stopping": 0.1}[phase]
        wave = math.sin(second) * 0.08
        values = [2 * busy * (0.9 + wave), (0.2 + 0.6 * min(second / 8, 1)) * 2**30]
        for index, _ in enumerate(gpu_ids):
            values += [
                min(96 * busy * (1 + wave) - 7 * index, 100),
                (2 + 66 * min(second / 10, 1)) * 2**30,
                90 + 560 * busy * (1 + wave) - 25 * index,
            ]
        lines.append(",".join([f"{second}.00", phase, *(f"{value:.6g}" for value in values)]))
    (folder / "usage.csv").write_text("\n".join(lines) + "\n")
    Experiment.objects.filter(pk=experiment.pk).update(
        result_folder=str(folder),
        gpu_ids=list(gpu_ids),
        image_digest="lmsysorg/sglang@sha256:" + "6f1a" * 16,
        engine_version="0.5.2",
        driver_version="570.86.15" if gpu_ids else "",
        container_id="3f9c" * 16,
    )
    experiment.refresh_from_db()
    return experiment


def make_channel(user: User, url: str = "https://10.0.0.1/hook", **changes: Any) -> Channel:
    """A webhook of theirs that tells of everything; to where no request goes, unless told."""
    values: dict[str, Any] = {"name": "team chat", "url": url, "scope": Channel.Scope.ALL}
    values |= dict.fromkeys(("on_ended", "on_failed", "on_waiting"), True)
    return channels.add(user, Channel.Kind.WEBHOOK, values | changes)


def make_email_channel(user: User, address: str, *, confirmed: bool = True) -> Channel:
    """It tells of everything."""
    values: dict[str, Any] = {"name": "mail", "address": address, "scope": Channel.Scope.ALL}
    values |= dict.fromkeys(("on_ended", "on_failed", "on_waiting"), True)
    channel = channels.add(user, Channel.Kind.EMAIL, values)
    if confirmed:
        channels.confirm(channel)
        channel.refresh_from_db()
    return channel


def make_delivery(
    channel: Channel, task: Task, status: Delivery.Status = Delivery.Status.GIVEN_UP
) -> Delivery:
    """Of the end of the task, which did not arrive unless `status` says so."""
    is_ok = status == Delivery.Status.DELIVERED
    outcome = Outcome(
        is_ok=is_ok,
        status=200 if is_ok else 502,
        error="" if is_ok else "it answered 502",
        answer="thank you" if is_ok else "Bad Gateway",
        duration_s=0.217,
    )
    return Delivery.objects.create(
        channel=channel,
        event=Delivery.Event.ENDED,
        task_number=task.pk,
        task_name=task.name,
        run=task.run,
        happened_at=timezone.now(),
        task_status=task.status,
        message=task.message,
        payload={"type": f"task.{task.status}", "data": {"task": task.name}},
        status=status,
        next_try_at=None,
        tries=1,
        attempts=[outcome.to_data()],
    )
