"""The one shape of results: what `tune --json`, `quickstart --json` and `export_results` print."""

import platform
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone

from experiments_app import measurements, objective, provenance, task_log, verdict, words
from experiments_app.answers import (
    chosen_of,
    front_of,
    losses_in_words,
    scenario_changes,
)
from experiments_app.best import best_of, gain_of
from experiments_app.confidence.doubts import compared, doubts_of
from experiments_app.facts import facts_of
from experiments_app.final_result import Final
from experiments_app.kept import repeats_of
from experiments_app.models import Experiment, Measurement
from experiments_app.over_repeats import repeated_levels
from experiments_app.quality.verdict import exported
from experiments_app.rows import reused_words
from experiments_app.spent import Spent
from tasks_app.masking import masked_document
from tasks_app.models import Run, Task
from tasks_app.spec import TaskSpec

MEASUREMENT_FIELDS = tuple(
    field.name
    for field in Measurement._meta.concrete_fields
    if field.name not in {"id", "experiment", "samples"}
)


PAGE = 200


class RunResults:
    """One run of a task with all that was measured: the best, the baseline, the verdict."""

    def __init__(self, task: Task, run: int | None = None) -> None:
        self.task = task
        self.run = run or task.run
        started = Run.objects.filter(task=task, number=self.run).first()
        self.started = started
        self.status = started.status if started else task.status
        self.spec = started.task_spec if started else task.spec
        self.objective = self.spec.optimization.objective
        of_run = Experiment.objects.of_run(task, self.run).with_source()
        self.experiments = list(of_run.order_by("number"))
        self.final = Final.from_data(started.final) if started else None
        self.repeats = repeats_of(self.task, self.run)
        self.best = best_of(self.experiments, self.objective, self.final)
        self.baseline = next((e for e in self.experiments if e.is_baseline), None)
        self.chosen = chosen_of(self.experiments, started.chosen_number if started else None)
        self.front = front_of(self.spec, self.experiments)

    @property
    def facts(self) -> dict[str, Any]:
        """The circumstances that another site needs to learn from it."""
        kept = (self.started.memory if self.started else None) or {}
        return kept.get("facts") or facts_of(self.spec)

    @property
    def gain(self) -> float | None:
        return gain_of(self.objective, self.best, self.baseline, self.final)

    @property
    def gain_ci95(self) -> tuple[float, float] | None:
        return self.final.gain_ci95 if self.final else None

    @property
    def wall_s(self) -> float | None:
        """From the start of the run to its end, or to now; pauses left out."""
        return self.started.elapsed.total_seconds() if self.started else None

    @property
    def spent(self) -> Spent:
        started = (*self.experiments, *self.repeats)
        return Spent.of(started, now=timezone.now(), wall_s=self.wall_s)

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        if not any(e.status == Experiment.Status.SUCCESS for e in self.experiments):
            return "nothing was measured"
        if self.best is None:
            return f"nothing meets the SLO; {self._closest()}{self._taken()}"
        told = self._compared(self.best) + self._doubts(self.best)
        return told + self._losses(self.best) + self._taken()

    def _losses(self, best: Experiment) -> str:
        """Where the answer serves some scenario worse than the default does."""
        answer = self.chosen or best
        changes = scenario_changes(self.spec, self.baseline, answer) if self.baseline else []
        losses = losses_in_words(changes)
        return f"; but experiment {answer.number} is {losses}" if losses else ""

    def _taken(self) -> str:
        if self.chosen is None:
            return ""
        return f"; {words.experiment(self.chosen.number)} was taken as the answer"

    def _compared(self, best: Experiment) -> str:
        if self.final and (told := verdict.sentence(self.final)):
            return told
        measured = sum(e.status == Experiment.Status.SUCCESS for e in self.experiments)
        if best.is_baseline:
            return "nothing beats the default" if measured > 1 else "only the default was measured"
        if self.gain is not None:
            better = f"experiment {best.number} is better than the default by {self.gain:.1%}"
            why = verdict.why_not_confirmed(self.final, self.spec, Task.Status(self.status))
            return f"{better}; not confirmed: {why}" if why else better
        lacking = "could not be measured"
        if self.baseline and self.baseline.status == Experiment.Status.SUCCESS:
            lacking = "misses the SLO"
        return f"experiment {best.number} is the best; the default {lacking}"

    def _doubts(self, best: Experiment) -> str:
        """What must be said where the figures may not be what they seem."""
        of = compared(best, self.experiments, self.final)
        return "".join(f"; but {doubt}" for doubt in doubts_of(of))

    def _closest(self) -> str:
        closest = closest_to_slo(self.experiments)
        if closest is None:
            return "no request was answered"
        miss = closest_miss(self.spec, closest)
        return f"experiment {closest.number} is the closest{f': {miss}' if miss else ''}"

    def measured_experiments(self) -> Iterator[Experiment]:
        """Each experiment with its measurements, read a page at a time: a run may have many."""
        figures = Measurement.objects.defer("samples").order_by("pk")
        of_run = Experiment.objects.of_run(self.task, self.run).with_source().order_by("number")
        last = -1
        while page := list(
            of_run.filter(number__gt=last)
            .select_related("repair_of")
            .prefetch_related(Prefetch("measurements", figures))[:PAGE]
        ):
            yield from page
            last = page[-1].number

    def to_data(self) -> dict[str, Any]:
        return self.summary_data() | {
            "experiments": [experiment_data(e) for e in self.measured_experiments()],
            "log": str(task_log.path_of(self.task.pk)),
        }

    def summary_data(self) -> dict[str, Any]:
        """What stands above the experiments."""
        from experiments_app.verification_export import verifications_data

        return {
            "task": self.task.name,
            "status": self.status,
            "run": self.run,
            "objective": self.objective,
            "site": platform.node(),
            "facts": self.facts,
            "spec": masked_document(self.spec.to_data()),
            "best": experiment_data(self.best) if self.best else None,
            "baseline": experiment_data(self.baseline) if self.baseline else None,
            "gain": self.gain,
            "gain_ci95": list(self.gain_ci95) if self.gain_ci95 else None,
            "verdict": self.verdict,
            "spent": self.spent.to_data(),
            "final": self.final.to_data() if self.final else None,
            "repeats": [repeat_data(repeat) for repeat in self.repeats],
            "verifications": verifications_data(self.task, self.run, self.spec),
            "chosen": experiment_data(self.chosen) if self.chosen else None,
            "front": [self._front_data(experiment) for experiment in self.front],
            "provenance": provenance.whole(self.started) if self.started else None,
        }

    def _front_data(self, experiment: Experiment) -> dict[str, Any]:
        number, parameters = experiment.number, experiment.parameters
        return {"number": number, "parameters": parameters, "scores": experiment.scores}


def closest_to_slo(experiments: Iterable[Experiment]) -> Experiment | None:
    """The infeasible success that misses its SLOs by the least."""
    missed = [e for e in experiments if e.slo_excess is not None]
    return min(missed, key=lambda e: (e.slo_excess or 0.0, e.number), default=None)


def closest_miss(spec: TaskSpec, experiment: Experiment) -> str:
    """Which SLO an infeasible experiment misses, and by how much."""
    points = measurements.points_of(experiment.measurements.all())
    miss = measurements.score(spec, points, quality=experiment.quality).miss
    return objective.describe_miss(miss) if miss else ""


def experiment_data(experiment: Experiment) -> dict[str, Any]:
    return {
        "number": experiment.number,
        "parameters": experiment.parameters,
        "reason": experiment.reason,
        "repair_of": experiment.repair_of.number if experiment.repair_of else None,
        "reused_from": reused_words(experiment).removeprefix("reused from ") or None,
        "status": experiment.status,
        "feasible": experiment.feasible,
        "objective_score": experiment.objective_score,
        "scores": experiment.scores,
        "bound": experiment.bound,
        "load_search": experiment.load_search or None,
        "quality": exported(experiment.quality),
        "error_kind": experiment.error_kind or None,
        "error": experiment.error or None,
        "command": experiment.command,
        "phases_s": experiment.phases_s,
        "measurements": [measurement_data(m) for m in experiment.measurements.all()],
        "over_repeats": [
            level.to_data() for level in repeated_levels(experiment.measurements.all())
        ],
    }


def repeat_data(repeat: Experiment) -> dict[str, Any]:
    """How measuring an experiment again went; its figures are measurements of the experiment."""
    return {
        "number": repeat.number,
        "repeat": repeat.repeat,
        "purpose": repeat.purpose,
        "status": repeat.status,
        "error_kind": repeat.error_kind or None,
        "error": repeat.error or None,
        "phases_s": repeat.phases_s,
    }


def measurement_data(measurement: Measurement) -> dict[str, Any]:
    """The columns; `intervals` stands by itself, so that a figure and its interval share a name."""
    conditions = dict(measurement.conditions)
    intervals = conditions.pop("intervals", {})
    columns = {name: getattr(measurement, name) for name in MEASUREMENT_FIELDS}
    return {**columns, "conditions": conditions, "intervals": intervals}
