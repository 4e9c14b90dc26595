"""What the final of a run has found stands until another one has ended: also where *Go on* was
pressed, and the run then ended without one."""

from experiments_app.final_result import Final
from tasks_app.models import Run, Task


def note_change(task: Task) -> None:
    """A task has ended or been paused, in this very transaction."""
    if task.completed_at is None:
        return
    run = task.runs.filter(number=task.run).first()
    kept = Final.from_data(run.final) if run else None
    if run and kept and (left := kept.given_up()) != kept:
        Run.objects.filter(pk=run.pk).update(final=left.to_data())
