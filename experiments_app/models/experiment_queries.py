"""Which experiments: of a run, wanted, under way."""

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import F, Q

from tasks_app.models import Task

if TYPE_CHECKING:
    from experiments_app.models.experiment import Experiment  # noqa: F401  of the quoted base


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def of_run(self, task: Task, run: int | None = None) -> Self:
        """The experiments of a run; what measured one of them again is left out."""
        return self.executions_of_run(task, run).first_times()

    def executions_of_run(self, task: Task, run: int | None = None) -> Self:
        """All that was started in a run, repeats included; what verifies it later is none of it."""
        return self.started_for_run(task, run).exclude(purpose=self.model.Purpose.VERIFY)

    def started_for_run(self, task: Task, run: int | None = None) -> Self:
        """Whatever was started with the configurations of a run, in it or later."""
        return self.filter(task=task, run=run or task.run)

    def wanted(self) -> Self:
        """Those whose run goes on, and verifications that nobody has cancelled."""
        under_way = [status for status in Task.Status if status.is_under_way]
        return self.filter(self._of_task(Q(task__status__in=under_way)))

    def may_begin(self) -> Self:
        """Pending ones of running tasks, and pending verifications."""
        of_task = self._of_task(Q(task__status=Task.Status.RUNNING))
        return self.filter(of_task, status=self.model.Status.PENDING)

    def verifications(self) -> Self:
        return self.filter(purpose=self.model.Purpose.VERIFY)

    def unfinished(self) -> Self:
        return self.exclude(status__in=[s for s in self.model.Status if s.is_finished])

    def _of_task(self, task: Q) -> Q:
        verifies = Q(purpose=self.model.Purpose.VERIFY)
        return (~verifies & Q(run=F("task__run")) & task) | (verifies & Q(cancel_asked_at=None))

    def first_times(self) -> Self:
        return self.filter(repeat=1)

    def active(self) -> Self:
        return self.filter(status__in=[s for s in self.model.Status if s.is_active])

    def with_source(self) -> Self:
        """Each with `source_run` and `source_number` of the experiment that it is reused from."""
        return self.annotate(
            source_run=F("reused_from__run"), source_number=F("reused_from__number")
        )

    def cancel_pending(self, **changes: Any) -> int:
        """Those that no worker holds end here; the others are ended by their workers."""
        return self.filter(status=self.model.Status.PENDING).update(
            status=self.model.Status.CANCELLED, **changes
        )
