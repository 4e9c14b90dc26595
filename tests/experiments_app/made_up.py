"""Ends the executions of a run with made-up figures, as a worker would with measured ones."""

from collections.abc import Callable, Mapping

from django.db import transaction
from django.utils import timezone

from experiments_app import load_levels, measurements, repeats
from experiments_app.level_choice import GivenLevels
from experiments_app.metrics import Level, Samples
from experiments_app.models import Experiment
from experiments_app.scheduler import advance
from tasks_app.models import Run, Task

TOKEN = "made up"
START_S, LEVEL_S = 20.0, 20.0


def level(scenario: str, concurrency: int, rate: float, ttft_s: float = 0.1) -> Level:
    """20 requests of 50 tokens at `rate` output tokens/s."""
    return Level(
        scenario=scenario,
        concurrency=concurrency,
        num_requests=20,
        num_errors=0,
        duration_s=LEVEL_S,
        output_tokens_per_s=rate,
        total_tokens_per_s=2 * rate,
        requests_per_s=rate / 50,
        good_requests_per_s=rate / 50,
        samples=Samples(
            ttft_s=(ttft_s,) * 20,
            tpot_s=(1 / rate,) * 20,
            e2e_s=(ttft_s + 49 / rate,) * 20,
            input_tokens=(50,) * 20,
            output_tokens=(50,) * 20,
        ),
    )


def begin(execution: Experiment) -> Experiment:
    """Claimed by a worker."""
    Experiment.objects.filter(pk=execution.pk).update(
        status=Experiment.Status.BENCHMARKING,
        owner_token=TOKEN,
        started_at=timezone.now(),
        attempt=1,
    )
    execution.refresh_from_db()
    return execution


def measure(execution: Experiment, rate: float, *, ttft_s: float = 0.1) -> None:
    """`rate` at every level, the last of them; a little less at those before it."""
    begin(execution)
    spec = Run.objects.get(task=execution.task_id, number=execution.run).task_spec
    choice = load_levels.choice_for(execution, spec)
    assert isinstance(choice, GivenLevels)
    last = choice.levels[-1].concurrency
    levels = [
        level(one.scenario, one.concurrency, rate * (1 if one.concurrency == last else 0.9), ttft_s)
        for one in choice.levels
    ]
    took = {"start_s": START_S, "measure_s": LEVEL_S * len(levels)}
    with transaction.atomic():
        if execution.is_repeat:
            repeats.keep(spec, execution, levels)
            execution.succeed_again(TOKEN, **took)
            return
        measurements.store(execution, levels)
        points = measurements.points_of(execution.measurements.all())
        result = measurements.score(spec, points, quality={})
        execution.succeed(TOKEN, score=result.score, slo_excess=result.slo_excess, **took)


def fail(execution: Experiment, error: str = "it crashed") -> None:
    begin(execution).fail(TOKEN, kind="crashed", error=error, start_s=START_S)


def run_to_the_end(
    task: Task,
    rates: Mapping[int, float],
    noise: Callable[[Experiment], float] = lambda _execution: 1.0,
) -> list[tuple[int, int]]:
    """Number and repeat of all that was run; `rates`: true rates by number."""
    ran = []
    while execution := advance(task.pk):
        ran.append((execution.number, execution.repeat))
        measure(execution, rates[execution.number] * noise(execution))
    return ran
