"""A copy of a task, to be changed and run beside it."""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tasks_app.models import Task

MAX_NAME = 200


def duplicate(task: Task, user: User) -> Task:
    """A new, pending task of the same spec under the next free name."""
    number = 1
    while True:
        suffix = " (copy)" if number == 1 else f" (copy {number})"
        name = task.name[: MAX_NAME - len(suffix)] + suffix
        copy = Task.from_spec(task.spec.model_copy(update={"task_name": name}), created_by=user)
        try:
            with transaction.atomic():
                copy.save(force_insert=True)
        except IntegrityError:
            number += 1
        else:
            return copy
