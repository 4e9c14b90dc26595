"""A configuration that is measured again: at which levels, and what becomes of the figures.

The row of the repeat says how that execution went. Its figures are Measurements of the original,
with the number of the repeat, and so is the score that comes of them.
"""

import math
from collections.abc import Collection, Iterable, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Max

from experiments_app import measurements, objective, task_log
from experiments_app.final_result import Final
from experiments_app.load_order import Level
from experiments_app.metrics import Level as MeasuredLevel
from experiments_app.metrics import Point
from experiments_app.models import Experiment, ExperimentQuerySet, Measurement
from tasks_app.models import Run, Task
from tasks_app.spec import TaskSpec


def deciding_levels(spec: TaskSpec, original: Experiment) -> list[Level]:
    """The levels that its score is made of, as the search measured it.

    For a rate the best feasible level of each scenario, for a latency all of them. Empty where it
    was not measured, or no scenario has a feasible level.
    """
    points = searched_points(original)
    if not objective.is_maximised(spec.optimization.objective):
        return [Level(point.scenario, point.concurrency) for point in points]
    best: dict[str, Point] = {}
    for point in points:
        if objective.misses(point, spec.slo):
            continue
        rival = best.get(point.scenario)
        if rival is None or _rate(spec, point) > _rate(spec, rival):
            best[point.scenario] = point
    return [Level(point.scenario, point.concurrency) for point in best.values()]


def searched_points(original: Experiment) -> list[Point]:
    """What it was measured at before anything of this run measured it again."""
    again = _of_number(original).filter(repeat__gt=1).values("repeat")
    return measurements.all_points_of(original.measurements.exclude(repeat__in=again))


def reading_of(
    spec: TaskSpec, original: Experiment, repeat: int, reference: Sequence[Point]
) -> float | None:
    """The logarithm of the score of one repeat, heedless of the SLO, turned so that more is
    better. None where it has no figure in some scenario."""
    points = measurements.all_points_of(original.measurements.filter(repeat=repeat))
    return value_of(spec, points, deciding_levels(spec, original), reference)


def value_of(
    spec: TaskSpec, points: Iterable[Point], levels: Collection[Level], reference: Sequence[Point]
) -> float | None:
    """The same of `points` that were measured once, at these levels."""
    chosen = [point for point in points if Level(point.scenario, point.concurrency) in levels]
    figures = objective.reference_figures(spec.optimization.objective, chosen, spec.slo)
    if not measurements.covers(spec, figures):
        return None
    value = math.log(measurements.across(spec, reference)(figures))
    return value if objective.is_maximised(spec.optimization.objective) else -value


def measure_again(
    original: Experiment, purpose: Experiment.Purpose, reason: str
) -> Experiment | None:
    """A pending execution of the same configuration; None where the run does not go on, or, to be
    verified, where it does."""
    of_number = _of_number(original)
    last = max(
        of_number.aggregate(last=Max("repeat"))["last"] or 1,
        # What is reused from an earlier run has the repeats of that run.
        original.measurements.aggregate(last=Max("repeat"))["last"] or 1,
    )
    try:
        with transaction.atomic():
            if not _may_be_measured(original, purpose):
                return None
            made = Experiment.objects.create(
                task_id=original.task_id,
                run=original.run,
                number=original.number,
                repeat=last + 1,
                purpose=purpose,
                parameters=original.parameters,
                reason=reason,
            )
    except IntegrityError:  # another worker was first
        return of_number.get(repeat=last + 1)
    task_log.write(original.task_id, reason, run=original.run, number=original.number)
    return made


def _may_be_measured(original: Experiment, purpose: Experiment.Purpose) -> bool:
    of_run = Task.objects.filter(pk=original.task_id, run=original.run)
    if purpose == Experiment.Purpose.VERIFY:
        return not of_run.under_way().exists()
    return of_run.running().exists()


def keep(spec: TaskSpec, execution: Experiment, levels: Collection[MeasuredLevel]) -> None:
    """The figures of a repeat that was measured, stored with its original, those of a verification
    with itself. In a transaction.

    From the first repeat of the final on, the score is made of these alone: what made it a leader
    was the best of many, and a level nearby that had more luck would take its place.
    """
    if execution.is_verification:
        measurements.store(execution, levels, repeat=execution.repeat)
        execution.measurements.update(counts=False)
        return
    original = execution.original()
    measurements.store(original, levels, repeat=execution.repeat)
    if execution.purpose != Experiment.Purpose.FINAL or _is_beside(execution):
        original.measurements.filter(repeat=execution.repeat).update(counts=False)
        return
    again = _of_number(original).filter(repeat__gt=1)
    finals = again.filter(purpose=Experiment.Purpose.FINAL).values("repeat")
    original.measurements.exclude(repeat__in=finals).update(counts=False)
    score_anew(spec, original)


def _is_beside(execution: Experiment) -> bool:
    """For the undo test alone, which compares it with what was measured right then."""
    run = Run.objects.get(task=execution.task_id, number=execution.run)
    final = Final.from_data(run.final)
    return final is not None and final.is_beside(execution.number, execution.repeat)


def score_anew(spec: TaskSpec, original: Experiment) -> None:
    """From what counts now."""
    points = measurements.points_of(original.measurements.all())
    reference = reference_of(spec, original)
    result = measurements.score(spec, points, reference, quality=original.quality)
    changes = {
        "objective_score": result.score,
        "feasible": result.feasible,
        "slo_excess": result.slo_excess,
        "scores": measurements.scores(spec, points, reference) if result.feasible else {},
    }
    Experiment.objects.filter(pk=original.pk).update(**changes)


def reference_of(spec: TaskSpec, original: Experiment) -> list[Point]:
    """What the worst case is compared with in a final: the default, as the search measured it."""
    if spec.optimization.across_scenarios != "worst_case":
        return []
    baseline = Experiment.objects.of_run(original.task, original.run).get(number=0)
    return searched_points(baseline)


def engine_s(execution: Experiment) -> float:
    """For how long it used the machine; the pull of an image is not counted."""
    phases = execution.phases_s
    used = sum(took or 0.0 for phase, took in phases.items() if phase != "pull")
    if not used and execution.started_at and execution.completed_at:
        used = (execution.completed_at - execution.started_at).total_seconds()
        used -= execution.pull_s or 0.0
    return max(used, 0.0)


def expected_s(spec: TaskSpec, original: Experiment, like: Experiment) -> float:
    """What measuring it again will take; what it lacks itself is taken from `like`."""
    known = original if original.measure_s else like
    overhead_s = (known.start_s or 0.0) + (known.warm_up_s or 0.0) + (known.stop_s or 0.0)
    deciding = deciding_levels(spec, known)
    rows = Measurement.objects.filter(experiment=known).exclude(
        repeat__in=_of_number(known).filter(repeat__gt=1).values("repeat")
    )
    took = {(row.scenario, row.concurrency): row.duration_s for row in rows.defer("samples")}
    whole_s = sum(took.values())
    if not whole_s:
        return overhead_s + (known.measure_s or 0.0)
    share = sum(took.get((level.scenario, level.concurrency), 0.0) for level in deciding) / whole_s
    return overhead_s + (known.measure_s or whole_s) * share


def _rate(spec: TaskSpec, point: Point) -> float:
    return objective.rate_of(spec.optimization.objective, point)


def _of_number(original: Experiment) -> ExperimentQuerySet:
    started = Experiment.objects.started_for_run(original.task, original.run)
    return started.filter(number=original.number)
