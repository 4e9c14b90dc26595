"""The undo test: the winner of a final once without each flag that differs from the default's."""

import math
from collections.abc import Mapping

from django.db import IntegrityError, transaction

from experiments_app import repeats, task_log
from experiments_app.differences import Comparison
from experiments_app.final_plan import changed_flags
from experiments_app.final_result import Undo
from experiments_app.models import Experiment
from tasks_app.models import Run, Task
from tasks_app.space import Scalar, configuration_key
from tasks_app.spec import TaskSpec

Status = Experiment.Status


class UndoTest:
    """`experiments` of the run by number. One that was tried in the search is not tried again."""

    def __init__(
        self,
        run: Run,
        spec: TaskSpec,
        experiments: Mapping[int, Experiment],
        defaults: Mapping[str, Scalar],
        winner: int,
    ) -> None:
        self._run, self._spec, self._experiments = run, spec, experiments
        self._winner, self._baseline = experiments[winner], experiments[0].parameters
        self._by_key = {configuration_key(e.parameters): e for e in experiments.values()}
        self._flags = changed_flags(self._winner.parameters, self._baseline, defaults)

    def next_experiment(self) -> Experiment | None:
        """One that must be measured yet: beyond the budget of the search, and at all levels."""
        for flag in self._flags:
            if self._tried(flag) is None:
                return self._make(flag)
        return None

    def found(self, comparison: Comparison) -> tuple[Undo, ...]:
        """Against the winner's repeats in the final, by the noise of that."""
        return tuple(
            self._undo(flag, tried, comparison)
            for flag in self._flags
            if (tried := self._tried(flag)) is not None
        )

    def _without(self, flag: str) -> dict[str, Scalar]:
        kept = {name: value for name, value in self._winner.parameters.items() if name != flag}
        return kept | ({flag: self._baseline[flag]} if flag in self._baseline else {})

    def _tried(self, flag: str) -> Experiment | None:
        return self._by_key.get(configuration_key(self._without(flag)))

    def _make(self, flag: str) -> Experiment | None:
        number = max(self._experiments) + 1
        reason = f"the winner, #{self._winner.number}, without {flag}: is it needed?"
        task = self._run.task
        try:
            with transaction.atomic():
                if not Task.objects.filter(pk=task.pk, run=self._run.number).running().exists():
                    return None
                made = Experiment.objects.create(
                    task=task,
                    run=self._run.number,
                    number=number,
                    purpose=Experiment.Purpose.FINAL,
                    parameters=self._without(flag),
                    reason=reason,
                )
        except IntegrityError:  # another worker was first
            return Experiment.objects.of_run(task, self._run.number).get(number=number)
        task_log.write(task.pk, f"chosen: {reason}", run=self._run.number, number=number)
        return made

    def _undo(self, flag: str, tried: Experiment, comparison: Comparison) -> Undo:
        value = self._value(tried)
        if value is None:
            return Undo(flag, tried.number, None, None, is_needed=True)
        change = value - comparison.mean(self._winner.number)
        times = comparison.times(self._winner.number)
        half = comparison.noise.half_width(math.sqrt(1 + 1 / times))
        interval = math.expm1(change - half), math.expm1(min(change + half, 50.0))
        is_known = math.isfinite(half)
        return Undo(
            flag,
            tried.number,
            math.expm1(change),
            interval if is_known else None,
            is_needed=change < -half,
        )

    def _value(self, tried: Experiment) -> float | None:
        """The logarithm of its score, or of the best that it could have had; more is better."""
        if tried.status == Status.PRUNED and tried.bound:
            value = math.log(tried.bound)
            return value if self._spec.optimization.maximises else -value
        if not tried.feasible:
            return None
        reference = repeats.reference_of(self._spec, tried)
        return repeats.reading_of(self._spec, tried, 1, reference)
