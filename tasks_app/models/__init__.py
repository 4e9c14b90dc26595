"""What a user wants: the Task with its history, its Runs, and what helps to write one."""

from tasks_app.models.audit import AuditEntry
from tasks_app.models.dataset import Dataset
from tasks_app.models.label import Label
from tasks_app.models.past_results import PastResults
from tasks_app.models.preset import Preset
from tasks_app.models.run import Run
from tasks_app.models.task import SPEC_FIELDS, StaleState, Task, TaskQuerySet
from tasks_app.models.version import TaskVersion

__all__ = [
    "SPEC_FIELDS", "AuditEntry", "Dataset", "Label", "PastResults", "Preset", "Run", "StaleState",
    "Task", "TaskQuerySet", "TaskVersion",
]  # fmt: skip
