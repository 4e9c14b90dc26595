"""The answer of a run: the best, or another measured experiment that somebody took instead."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from experiments_app import objective, several, task_log
from experiments_app.misses import stored_points
from experiments_app.models import Experiment, Measurement
from tasks_app.audit import record
from tasks_app.models import Run, StaleState, Task
from tasks_app.spec import TaskSpec

WORSE = 0.05
"""A scenario that got worse than the default by more than this is warned of."""


@dataclass(frozen=True)
class ScenarioChange:
    """The objective's figure in one traffic scenario; `gain` as of the score: more is better."""

    scenario: str
    default: float
    answer: float
    gain: float

    @property
    def is_worse(self) -> bool:
        return self.gain < -WORSE


def take_as_answer(
    task: Task, run: int, number: int | None, *, user: User | None = None
) -> Experiment | None:
    """Take an experiment as the answer of a run; None: the best again.

    Raises StaleState where it was not measured.
    """
    chosen = None
    if number is not None:
        measured = Experiment.objects.of_run(task, run).filter(status=Experiment.Status.SUCCESS)
        chosen = measured.filter(number=number).first()
        if chosen is None:
            raise StaleState(f"Experiment {number} was not measured: it cannot be the answer.")
    with transaction.atomic():
        if Run.objects.filter(task=task, number=run).update(chosen_number=number) != 1:
            raise StaleState(f"{task} has no run {run}.")
        record("task.answered", task, user=user, run=run, experiment=number)
    by = f" by {user.get_username()}" if user else ""
    what = "the best is the answer again" if number is None else f"{number} taken as the answer"
    task_log.write(task.pk, f"{what}{by}", run=run)
    return chosen


def chosen_of(experiments: Iterable[Experiment], number: int | None) -> Experiment | None:
    """What was taken, as long as it is measured."""
    if number is None:
        return None
    found = (e for e in experiments if e.number == number)
    return next((e for e in found if e.status == Experiment.Status.SUCCESS), None)


def front_of(spec: TaskSpec, experiments: Iterable[Experiment]) -> list[Experiment]:
    """Of several objectives the front among the feasible, the best in the first one first."""
    names = spec.optimization.objectives
    if not names:
        return []
    feasible = {e.number: e for e in experiments if e.feasible}
    values = {number: e.scores for number, e in feasible.items()}
    return [feasible[number] for number in several.front(values, names)]


def scenario_changes(
    spec: TaskSpec, baseline: Experiment, answer: Experiment
) -> list[ScenarioChange]:
    """Scenario by scenario, where there are several; one that the default has no figure for, or
    the answer no feasible level, is left out."""
    if len(spec.benchmark.traffic_scenarios) < 2 or baseline.pk == answer.pk:
        return []
    rows = Measurement.objects.filter(experiment__in=[baseline, answer], counts=True)
    found = list(rows.defer("samples").order_by("pk"))
    name = spec.optimization.objective
    before, after = (
        objective.reference_figures(
            name, stored_points(r for r in found if r.experiment_id == e.pk), spec.slo
        )
        for e in (baseline, answer)
    )
    return [
        ScenarioChange(scenario, before[scenario], after[scenario], gain)
        for scenario in spec.benchmark.traffic_scenarios
        if scenario in before and scenario in after
        if (gain := objective.gain(name, after[scenario], before[scenario])) is not None
    ]


def losses_in_words(changes: Iterable[ScenarioChange]) -> str:
    """`worse in D(2000,100) by 12%`, or nothing."""
    worse = [f"{c.scenario} by {-c.gain:.0%}" for c in changes if c.is_worse]
    return f"worse than the default in {', '.join(worse)}" if worse else ""
