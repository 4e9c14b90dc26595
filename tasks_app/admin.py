"""Tasks with their runs and versions, to be looked at: they are edited and deleted on the site
itself. Labels and own presets may be edited here too, under the site's own checks."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from autotuner_site.admin import ReadOnlyMixin, as_written, link, status
from tasks_app.admin_forms import LabelAdminForm, PresetAdminForm
from tasks_app.models import (
    AuditEntry,
    Dataset,
    Label,
    PastResults,
    Preset,
    Run,
    Task,
    TaskVersion,
)
from tasks_app.taskfile import dump_for_people
from tasks_app.views import admin_actions

if TYPE_CHECKING:
    TaskModelAdmin = admin.ModelAdmin[Task]
    AuditModelAdmin = admin.ModelAdmin[AuditEntry]
    DatasetModelAdmin = admin.ModelAdmin[Dataset]
    PastResultsModelAdmin = admin.ModelAdmin[PastResults]
    RunModelAdmin = admin.ModelAdmin[Run]
    VersionModelAdmin = admin.ModelAdmin[TaskVersion]
    LabelModelAdmin = admin.ModelAdmin[Label]
    PresetModelAdmin = admin.ModelAdmin[Preset]
else:
    TaskModelAdmin = AuditModelAdmin = RunModelAdmin = VersionModelAdmin = admin.ModelAdmin
    LabelModelAdmin = PresetModelAdmin = PastResultsModelAdmin = admin.ModelAdmin
    DatasetModelAdmin = admin.ModelAdmin


class ArchivedFilter(admin.SimpleListFilter):
    title = "archived"
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("no", "No"), ("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {"no", "yes"}:
            return queryset.filter(archived_at__isnull=self.value() == "no")
        return queryset


@admin.register(Task)
class TaskAdmin(ReadOnlyMixin, TaskModelAdmin):
    list_display = (
        "name", "shown_status", "base_runtime", "model_id", "run", "shown_labels", "created_by",
        "created_at", "page",
    )  # fmt: skip
    list_filter = (
        "status", ArchivedFilter, "base_runtime", "deployment_mode",
        "labels", ("created_by", admin.RelatedOnlyFieldListFilter),
    )  # fmt: skip
    search_fields = ("name", "description", "message")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    list_select_related = ("created_by",)
    actions = (
        admin_actions.cancel, admin_actions.pause, admin_actions.resume,
        admin_actions.start_again, admin_actions.archive, admin_actions.bring_back,
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("name", "description", "shown_status", "message", "shown_labels")}),
        ("Run", {"fields": ("run", "started_at", "completed_at")}),
        (
            "Row",
            {"fields": ("version", "created_by", "created_at", "updated_at", "archived_at")},
        ),
        ("Task file", {"fields": ("task_file",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        return super().get_queryset(request).prefetch_related("labels")

    @admin.display(description="status", ordering="status")
    def shown_status(self, task: Task) -> SafeString:
        return status(task.status, task.get_status_display())

    @admin.display(description="model", ordering="model__id_or_path")
    def model_id(self, task: Task) -> str:
        return str(task.model.get("id_or_path", ""))

    @admin.display(description="labels")
    def shown_labels(self, task: Task) -> str:
        return ", ".join(label.name for label in task.labels.all())

    @admin.display(description="on the site")
    def page(self, task: Task) -> SafeString:
        return link(self.view_on_site(task), "page")

    @admin.display(description="as it stands, secrets masked")
    def task_file(self, task: Task) -> SafeString:
        return as_written(dump_for_people(task.spec_data()))

    def view_on_site(self, obj: Task) -> str:
        return reverse("task_detail", args=[obj.pk])


@admin.register(Run)
class RunAdmin(ReadOnlyMixin, RunModelAdmin):
    list_display = ("task", "number", "shown_status", "started_at", "completed_at", "page")
    list_filter = ("status",)
    search_fields = ("task__name", "message")
    date_hierarchy = "started_at"
    ordering = ("-pk",)
    list_select_related = ("task",)
    fields = (
        "task", "number", "shown_status", "message", "gpus", "started_by", "started_at",
        "cancelled_by", "completed_at", "task_file",
    )  # fmt: skip

    @admin.display(description="status", ordering="status")
    def shown_status(self, run: Run) -> SafeString:
        return status(run.status, run.get_status_display())

    @admin.display(description="on the site")
    def page(self, run: Run) -> SafeString:
        return link(self.view_on_site(run), "page")

    @admin.display(description="as it stood at the start, secrets masked")
    def task_file(self, run: Run) -> SafeString:
        return as_written(dump_for_people(run.spec))

    def view_on_site(self, obj: Run) -> str:
        return f"{reverse('task_detail', args=[obj.task_id])}?run={obj.number}"


@admin.register(TaskVersion)
class TaskVersionAdmin(ReadOnlyMixin, VersionModelAdmin):
    list_display = ("task", "number", "kind", "changed_by", "changed_at", "history")
    list_filter = ("kind", ("changed_by", admin.RelatedOnlyFieldListFilter))
    search_fields = ("task__name",)
    date_hierarchy = "changed_at"
    ordering = ("-pk",)
    list_select_related = ("task", "changed_by")
    fields = ("task", "number", "kind", "changed_by", "changed_at", "task_file")

    @admin.display(description="on the site")
    def history(self, version: TaskVersion) -> SafeString:
        return link(self.view_on_site(version), "history")

    @admin.display(description="as this version has it, secrets masked")
    def task_file(self, version: TaskVersion) -> SafeString:
        return as_written(dump_for_people(version.spec))

    def view_on_site(self, obj: TaskVersion) -> str:
        return reverse("task_history", args=[obj.task_id])


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyMixin, AuditModelAdmin):
    """To be read; nobody adds, changes or deletes an entry."""

    list_display = ("at", "who", "action", "object_name", "origin")
    list_filter = ("action",)
    search_fields = ("who", "object_name", "origin")
    ordering = ("-at", "-pk")
    fields = ("at", "who", "origin", "action", "object_id", "object_name", "details")

    def view_on_site(self, obj: AuditEntry) -> str:
        return reverse("audit")


@admin.register(PastResults)
class PastResultsAdmin(ReadOnlyMixin, PastResultsModelAdmin):
    """To be read, and deleted by who does not want the search to learn from it."""

    list_display = ("name", "run", "base_runtime", "objective", "imported_by", "imported_at")
    list_filter = ("base_runtime", "objective")
    list_select_related = ("imported_by",)
    search_fields = ("name",)
    fields = (
        "name", "run", "site", "base_runtime", "objective", "facts", "slo", "searched", "trials",
        "imported_by", "imported_at",
    )  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(Label)
class LabelAdmin(LabelModelAdmin):
    form = LabelAdminForm
    list_display = ("name",)
    search_fields = ("name",)


@admin.register(Preset)
class PresetAdmin(PresetModelAdmin):
    form = PresetAdminForm
    list_display = ("name", "base_runtime", "created_by", "updated_at", "page")
    list_filter = ("base_runtime", ("created_by", admin.RelatedOnlyFieldListFilter))
    search_fields = ("name", "description")
    list_select_related = ("created_by",)
    fields = (
        "name", "base_runtime", "description", "parameters", "fixed_parameters", "notes",
        "created_by", "created_at", "updated_at",
    )  # fmt: skip
    readonly_fields = ("created_by", "created_at", "updated_at")

    @admin.display(description="on the site")
    def page(self, preset: Preset) -> SafeString:
        return link(self.view_on_site(preset), "page")

    def view_on_site(self, obj: Preset) -> str:
        return reverse("preset_detail", args=[f"own:{obj.pk}"])

    def save_model(self, request: HttpRequest, obj: Preset, form: Any, change: bool) -> None:
        obj.updated_at = timezone.now()  # an edit that was begun before is not to overwrite this
        if not change:
            obj.created_by = cast(User, request.user)
        super().save_model(request, obj, form, change)


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyMixin, DatasetModelAdmin):
    """It is taken, and removed, on the page Data sets."""

    list_display = ("name", "status", "format", "rows", "size_bytes", "created_by", "created_at")
    list_filter = ("status", "format", "is_remote")
    search_fields = ("name", "description", "sha256")
    list_select_related = ("created_by",)

    def view_on_site(self, obj: Dataset) -> str:
        return reverse("dataset_detail", args=[obj.pk])
