"""Tasks and runs, to be looked at: they are edited, started and deleted on the site itself."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from autotuner_site.admin import ReadOnlyMixin
from tasks_app.masking import SECTIONS_WITH_SECRETS, masked_document
from tasks_app.models import Run, Task

if TYPE_CHECKING:
    TaskModelAdmin = admin.ModelAdmin[Task]
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    TaskModelAdmin = RunModelAdmin = admin.ModelAdmin


@admin.register(Task)
class TaskAdmin(ReadOnlyMixin, TaskModelAdmin):
    list_display = ("name", "base_runtime", "status", "run", "created_by", "created_at")
    list_filter = ("status", "base_runtime", "deployment_mode")
    search_fields = ("name", "description")
    date_hierarchy = "created_at"
    list_select_related = ("created_by",)

    def get_fields(self, request: HttpRequest, obj: Task | None = None) -> list[Any]:
        """Every column, secrets masked."""
        names = [field.name for field in Task._meta.fields if field.name != "id"]
        return [f"masked_{name}" if name in SECTIONS_WITH_SECRETS else name for name in names]

    @admin.display(description="environment")
    def masked_environment(self, task: Task) -> str:
        return str(masked_document(task.spec_data())["environment"])

    @admin.display(description="access")
    def masked_access(self, task: Task) -> str:
        return str(masked_document(task.spec_data())["access"])

    def view_on_site(self, obj: Task) -> str:
        return reverse("task_detail", args=[obj.pk])


@admin.register(Run)
class RunAdmin(ReadOnlyMixin, RunModelAdmin):
    list_display = ("task", "number", "status", "started_at", "completed_at")
    list_filter = ("status",)
    search_fields = ("task__name", "message")
    date_hierarchy = "started_at"
    list_select_related = ("task",)
    fields = ("task", "number", "status", "message", "started_at", "completed_at", "masked_spec")

    @admin.display(description="spec")
    def masked_spec(self, run: Run) -> str:
        return str(masked_document(run.spec))

    def view_on_site(self, obj: Run) -> str:
        return f"{reverse('task_detail', args=[obj.task_id])}?run={obj.number}"
