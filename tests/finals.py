"""Tasks whose leaders were measured again, one for each way in which a final can end.

The rows are such as the runner leaves; the comparison in `Run.final` is given, so that a test of
what shows it does not depend on how it is made.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from experiments_app.final_result import Drift, Estimate, Final, FinalVerdict, Undo
from experiments_app.models import Experiment, Measurement
from tasks_app.models import Run, Task
from tests.factories import (
    TOKEN,
    begin,
    completed_task,
    infeasible_task,
    make_experiment,
    make_task,
    measure,
    succeed,
)

SCORES = (61.2, 58.9, 74.6, 88.3, 87.1, 71.0)
LEADERS = (0, 3, 4)
ROUNDS = 3
SEARCH = {"strategy": "grid_search", "max_iterations": 5}
WON = Estimate(3, ROUNDS, 80.2, (78.1, 82.3), 0.31, (0.27, 0.35), changed_flags=3)
CLOSE = Estimate(4, ROUNDS, 79.6, (77.0, 82.2), 0.3, (0.25, 0.35), changed_flags=2)
DEFAULT = Estimate(0, ROUNDS, 61.2, (60.1, 62.3))
FINALS = {
    "better": Final(verdict=FinalVerdict.BETTER, winner=3, estimates=(DEFAULT, WON, CLOSE)),
    "tie": Final(verdict=FinalVerdict.TIE, winner=4, tied=(3, 4), estimates=(DEFAULT, WON, CLOSE)),
    "default": Final(
        verdict=FinalVerdict.DEFAULT,
        winner=0,
        estimates=(
            DEFAULT,
            Estimate(3, ROUNDS, 61.9, (59.8, 64.0), 0.011, (-0.023, 0.045), changed_flags=3),
            Estimate(4, ROUNDS, 58.0, (56.1, 59.9), -0.052, (-0.09, -0.014), changed_flags=2),
        ),
    ),
    "noisy": Final(
        verdict=FinalVerdict.NOISY,
        winner=0,
        estimates=(
            Estimate(0, ROUNDS, 61.2, (48.0, 74.4)),
            Estimate(3, ROUNDS, 70.4, (51.3, 89.5), 0.15, (-0.21, 0.62), changed_flags=3),
            Estimate(4, ROUNDS, 66.4, (49.9, 82.9), 0.085, (-0.24, 0.51), changed_flags=2),
        ),
        noise=0.18,
        why="after 3 rounds the intervals are still wider than the gains",
    ),
    "unconfirmed": Final(
        verdict=FinalVerdict.UNCONFIRMED, why="the default could not be measured again"
    ),
}


def confirmed_task(kind: str = "better") -> Task:
    """`kind`: a name in FINALS, or infeasible, drift, undo."""
    if kind == "infeasible":
        task = infeasible_task()
        return _held(task, Final(verdict=FinalVerdict.INFEASIBLE), contenders=(0, 2))
    task = completed_task(SCORES, optimization=SEARCH)
    final = FINALS.get(kind, FINALS["better"])
    if kind == "drift":
        final = replace(final, drift=Drift(-0.061, (-0.083, -0.039), is_real=True, checks=3))
    if kind == "undo":
        undo = (
            Undo("threads", 6, -0.12, (-0.16, -0.08), is_needed=True),
            Undo("ubatch-size", 7, 0.004, (-0.02, 0.028), is_needed=False),
        )
        for one in undo:
            succeed(make_experiment(task, one.number), 70.0)
        simplest = Estimate(7, ROUNDS, 80.5, (78.4, 82.6), 0.315, (0.275, 0.355), changed_flags=2)
        final = replace(
            final,
            undo=undo,
            winner=simplest.number,
            simplified_from=WON.number,
            estimates=(*final.estimates, simplest),
        )
        for repeat in range(2, 2 + ROUNDS):
            measured_again(task, simplest.number, repeat)
    return _held(task, final, contenders=LEADERS)


ENDS = (*FINALS, "infeasible", "drift", "undo")
"""Each way in which a final can end, as `confirmed_task` makes it."""


def task_in_final() -> Task:
    """The search is over; in the second round of the final an experiment is measured again."""
    task = make_task(optimization=SEARCH)
    task.start()
    for number, score in enumerate(SCORES):
        succeed(make_experiment(task, number), score)
    final = Final(LEADERS, rounds=1, estimates=(), engine_s=120.0, budget_s=300.0)
    Run.objects.filter(task=task).update(final=final.to_data())
    for number in LEADERS:
        measured_again(task, number, repeat=2)
    again = _again(task, 3, repeat=3)
    progress = {"phase": "measuring", "scenario": "D(100,50)", "concurrency": 8, "level": 1}
    begin(again, progress | {"levels": 1, "requests": 9, "requests_total": 24, "errors": 0})
    return task


def measured_again(
    task: Task, number: int, repeat: int, purpose: str = Experiment.Purpose.FINAL
) -> Experiment:
    """An execution that has ended; its figures are measurements of the first one."""
    again = _again(task, number, repeat, purpose)
    begin(again, {"phase": "stopping"}, seconds_ago=38)
    again.succeed(TOKEN, score=None, slo_excess=None, start_s=1.4, warm_up_s=5.2, measure_s=28.9)
    Experiment.objects.filter(pk=again.pk).update(feasible=None)  # as the score, the first one's
    original = again.original()
    measure(original, 80.0 + repeat, repeat=repeat)
    return again


def _again(
    task: Task, number: int, repeat: int, purpose: str = Experiment.Purpose.FINAL
) -> Experiment:
    original = Experiment.objects.of_run(task).get(number=number)
    return Experiment.objects.create(
        task=task,
        run=task.run,
        number=number,
        repeat=repeat,
        purpose=purpose,
        parameters=original.parameters,
    )


def _held(task: Task, final: Final, contenders: Sequence[int]) -> Task:
    for number in contenders:
        for repeat in range(2, 2 + ROUNDS):
            measured_again(task, number, repeat)
    chosen_by = Measurement.objects.filter(
        experiment__task=task, experiment__number__in=contenders, repeat=1
    )
    chosen_by.update(counts=False)
    final = replace(
        final,
        contenders=tuple(contenders),
        rounds=ROUNDS,
        is_done=True,
        noise=final.noise or 0.021,
        engine_s=342.0,
        budget_s=400.0,
    )
    Run.objects.filter(task=task).update(
        final=final.to_data(), started_at=timezone.now() - timedelta(minutes=12)
    )
    for estimate in final.estimates:
        Experiment.objects.of_run(task).filter(number=estimate.number).update(
            objective_score=estimate.score
        )
    return task
