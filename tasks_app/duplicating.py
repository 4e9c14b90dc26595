"""A copy of a task, to be changed and run beside it."""

from django.contrib.auth.models import User
from django.db import IntegrityError

from tasks_app.models import Task, TaskVersion

MAX_NAME = 200


def duplicate(task: Task, user: User) -> Task:
    """A new, pending task of the same spec under the next free name."""
    number = 1
    while True:
        suffix = " (copy)" if number == 1 else f" (copy {number})"
        name = task.name[: MAX_NAME - len(suffix)] + suffix
        spec = task.spec.model_copy(update={"task_name": name})
        try:
            return Task.create(spec, user=user, how=TaskVersion.Kind.DUPLICATED)
        except IntegrityError:
            number += 1
