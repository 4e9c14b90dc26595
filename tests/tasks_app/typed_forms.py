"""Task forms as a browser fills them in."""

from typing import Any

from django import forms

from tasks_app.form.rows import SECTIONS, all_fields, rows_of
from tasks_app.forms import TaskForm, YamlForm, task_form
from tasks_app.models import Task
from tests.factories import make_user


def typed(**changes: Any) -> dict[str, str]:
    """What a browser sends of a task form that was filled in well.

    `parameters`, `fixed_parameters` and `slo` are given as the task file has them, sent as rows.
    """
    fields: dict[str, Any] = {
        "view": "form",
        "task_name": "mine",
        "model": "smollm2-135m",
        "base_runtime": "llamacpp",
        "deployment_mode": "local",
        "parameters": {"threads": [1, 2], "parallel": [1, 4]},
        "objective": "maximize_throughput",
        "traffic_scenarios": "D(100,50), D(200,200)",
        "num_concurrency": "1, 4",
    }
    fields |= changes
    rows = [row for name in SECTIONS for row in rows_of(name, fields.pop(name, None))]
    return all_fields(rows) | fields


def errors_of(**changes: Any) -> dict[str, list[str]]:
    form = TaskForm(typed(**changes))
    assert not form.is_valid()
    return {name: list(map(str, errors)) for name, errors in form.errors.items()}


def stored(form: TaskForm | YamlForm) -> Task:
    assert form.is_valid(), form.errors
    task = form.create(make_user())
    assert task is not None
    return Task.objects.get(pk=task.pk)


def fields_of(form: TaskForm) -> dict[str, str]:
    """What a browser sends of the form as it is shown."""
    sent = {"view": "form", "version": str(form.sent_version or "")}
    sent |= all_fields(row for rows in form.rows.values() for row in rows)
    for name in form.fields.keys() - set(SECTIONS):
        shown = form[name].field.widget
        value = form[name].value() or ""
        if isinstance(shown, forms.PasswordInput):
            value = shown.format_value(value) or ""
        sent.setdefault(name, value)
    return sent


def switch(data: dict[str, Any]) -> Any:
    return task_form(data)
