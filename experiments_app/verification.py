"""Verifying a deployment: the command that was measured is started and measured once more.

A verification is an execution of an experiment whose run has ended: a row of the same number with
the purpose VERIFY. It is leased, reaped and run like any other, by the same rules and with the same
requests; what it measured stays with it, so that nothing the run has found changes by it.
"""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from experiments_app import repeats, task_log
from experiments_app.lifecycle import check_spec
from experiments_app.models import Experiment
from experiments_app.tasks import wake_verification
from tasks_app.audit import record
from tasks_app.models import Run, StaleState, Task

Status = Experiment.Status


def why_not(original: Experiment, *, is_under_way: bool) -> str:
    """Why it cannot be verified; empty where it can. `is_under_way`: its run goes on."""
    if original.is_repeat:
        return "This is a repeat: verify the experiment itself."
    if original.status != Status.SUCCESS:
        return f"Nothing was promised: the experiment {_ended(original)}."
    if original.objective_score is None:
        return "Nothing was promised: the experiment did not meet the SLO."
    if is_under_way:
        return "The run goes on: what it promises can be verified when it has ended."
    return ""


def verify(
    original: Experiment, *, wake_consumer: bool = True, user: User | None = None
) -> Experiment:
    """The execution that verifies it: a new one, or the one that is under way.

    Raises StaleState where there is nothing to verify, SpecError where this site cannot run it.
    """
    run = Run.objects.get(task=original.task, number=original.run)
    spec = run.task_spec
    if reason := why_not(original, is_under_way=_is_under_way(original)):
        raise StaleState(reason)
    if not repeats.deciding_levels(spec, original):
        raise StaleState("Nothing was promised: no load level is known at which it met the SLO.")
    check_spec(spec)
    by = f" by {user.get_username()}" if user else ""
    with transaction.atomic():
        if (open_one := open_verification(original)) is not None:
            return open_one
        made = repeats.measure_again(
            original, Experiment.Purpose.VERIFY, f"verified{by}: does it still keep its promise?"
        )
        if made is None:
            raise StaleState("The run goes on: what it promises can be verified when it has ended.")
        record("experiment.verified", original, user=user, repeat=made.repeat)
    if wake_consumer:
        transaction.on_commit(lambda: wake_verification(made.pk))
    return made


def cancel(execution: Experiment, *, user: User | None = None) -> None:
    """End it now. Its worker sees that within a second. Raises StaleState where it has ended."""
    with transaction.atomic():
        this = Experiment.objects.verifications().filter(pk=execution.pk)
        now = timezone.now()
        if not this.unfinished().filter(cancel_asked_at=None).update(cancel_asked_at=now):
            raise StaleState("This verification has ended, or is cancelled already.")
        this.cancel_pending(completed_at=now)
        record("experiment.verification_cancelled", execution, user=user)
    by = f" by {user.get_username()}" if user else ""
    told = f"verification cancelled{by}"
    task_log.write(execution.task_id, told, run=execution.run, number=execution.number)


def verifications_of(original: Experiment) -> list[Experiment]:
    """The latest first."""
    started = Experiment.objects.started_for_run(original.task, original.run)
    return list(started.verifications().filter(number=original.number).order_by("-repeat"))


def open_verification(original: Experiment) -> Experiment | None:
    started = Experiment.objects.started_for_run(original.task, original.run)
    return started.verifications().unfinished().filter(number=original.number).first()


def verification_stamp(experiment: Experiment) -> str:
    """Changes while one of it goes on."""
    started = Experiment.objects.started_for_run(experiment.task, experiment.run)
    of_number = started.verifications().filter(number=experiment.number).order_by("-repeat")
    return repr(of_number.values_list("pk", "status", "progress", "cancel_asked_at").first())


def _is_under_way(original: Experiment) -> bool:
    return Task.objects.under_way().filter(pk=original.task_id, run=original.run).exists()


def _ended(original: Experiment) -> str:
    if original.current_status.is_finished:
        return f"was {original.status}" if original.status != Status.FAILED else "failed"
    return "is not measured yet"
