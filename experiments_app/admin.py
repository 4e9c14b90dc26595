"""Experiments and what they measured and hold, to be looked at: a result is never edited."""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from autotuner_site.admin import ReadOnlyMixin, act_on_each, link, status
from experiments_app import lifecycle, words
from experiments_app.models import Experiment, Measurement, ResourceLease, SiteSetting
from experiments_app.notifications import admin as notifications
from tasks_app.models import StaleState

__all__ = ["notifications"]  # its tables are the admin's too

if TYPE_CHECKING:
    ExperimentModelAdmin = admin.ModelAdmin[Experiment]
    MeasurementModelAdmin = admin.ModelAdmin[Measurement]
    LeaseModelAdmin = admin.ModelAdmin[ResourceLease]
    SiteSettingModelAdmin = admin.ModelAdmin[SiteSetting]
else:
    ExperimentModelAdmin = MeasurementModelAdmin = admin.ModelAdmin
    LeaseModelAdmin = SiteSettingModelAdmin = admin.ModelAdmin


@admin.action(description="Try failed ones again, while their run goes on", permissions=["act"])
def requeue(_: object, request: HttpRequest, experiments: QuerySet[Experiment]) -> None:
    act = partial(lifecycle.requeue_experiment, user=cast(User, request.user))
    done = "queued again"
    act_on_each(request, experiments, act, done=done, refusals=(StaleState,))


class ErrorKindFilter(admin.SimpleListFilter):
    """Those that failed, by why."""

    title = "kind of error"
    parameter_name = "error_kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        failed = Experiment.objects.exclude(error_kind="").order_by("error_kind")
        kinds = failed.values_list("error_kind", flat=True).distinct()
        return [(kind, kind.replace("_", " ")) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(error_kind=self.value()) if self.value() else queryset


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyMixin, ExperimentModelAdmin):
    list_display = (
        "name", "shown_status", "feasible", "objective_score", "error_kind", "flags",
        "started_at", "page",
    )  # fmt: skip
    # By dates with an index: a hierarchy of them reads each row for its months.
    list_filter = ("status", "feasible", ErrorKindFilter, "created_at")
    search_fields = ("task__name", "error", "engine_version")
    ordering = ("-pk",)
    list_select_related = ("task",)
    actions = (requeue,)
    fieldsets = (
        (
            None,
            {"fields": ("task", "run", "number", "shown_status", "feasible", "objective_score",
                        "slo_excess", "error_kind", "error", "parameters")},
        ),
        (
            "What was started",
            {"fields": ("command", "engine_version", "image_digest", "driver_version", "gpu_ids",
                        "port", "container_id")},
        ),
        (
            "Time",
            {"fields": ("created_at", "started_at", "completed_at", "pull_s", "start_s",
                        "warm_up_s", "measure_s", "stop_s", "progress")},
        ),
        (
            "Who ran it",
            {"fields": ("attempt", "owner_host", "owner_pid", "lease_expires_at", "log_path",
                        "result_folder")},
        ),
    )  # fmt: skip

    @admin.display(description="experiment", ordering="task__name")
    def name(self, experiment: Experiment) -> str:
        return str(experiment)

    @admin.display(description="status", ordering="status")
    def shown_status(self, experiment: Experiment) -> SafeString:
        return status(experiment.status, experiment.get_status_display())

    @admin.display(description="parameters")
    def flags(self, experiment: Experiment) -> str:
        flags = experiment.parameters.items()
        return ", ".join(f"{name} {words.flag_value(value)}" for name, value in flags)

    @admin.display(description="on the site")
    def page(self, experiment: Experiment) -> SafeString:
        return link(self.view_on_site(experiment), "page")

    def view_on_site(self, obj: Experiment) -> str:
        return reverse("experiment_detail", args=[obj.pk])


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyMixin, MeasurementModelAdmin):
    list_display = (
        "experiment", "scenario", "concurrency", "repeat", "num_requests", "num_errors",
        "output_tokens_per_s", "ttft_mean_s", "tpot_mean_s", "e2e_mean_s", "page",
    )  # fmt: skip
    list_filter = ("client_bound",)
    search_fields = ("experiment__task__name", "scenario")
    ordering = ("-pk",)
    list_select_related = ("experiment__task",)
    exclude = ("samples",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Measurement]:
        """Without the samples: one row has thousands."""
        return super().get_queryset(request).defer("samples")

    @admin.display(description="on the site")
    def page(self, measurement: Measurement) -> SafeString:
        return link(self.view_on_site(measurement), "experiment")

    def view_on_site(self, obj: Measurement) -> str:
        return reverse("experiment_detail", args=[obj.experiment_id])


@admin.register(ResourceLease)
class ResourceLeaseAdmin(ReadOnlyMixin, LeaseModelAdmin):
    """What is held now, and by whom; what nobody holds any more the reaper takes back."""

    list_display = ("resource", "host", "experiment", "acquired_at", "page")
    list_filter = ("host",)
    search_fields = ("resource", "experiment__task__name")
    ordering = ("host", "resource")
    list_select_related = ("experiment__task",)
    fields = ("host", "resource", "experiment", "acquired_at")

    @admin.display(description="on the site")
    def page(self, lease: ResourceLease) -> SafeString:
        return link(self.view_on_site(lease), "experiment")

    def view_on_site(self, obj: ResourceLease) -> str:
        return reverse("experiment_detail", args=[obj.experiment_id])


@admin.register(SiteSetting)
class SiteSettingAdmin(ReadOnlyMixin, SiteSettingModelAdmin):
    """Who set what; it is set on the page System."""

    list_display = ("name", "updated_by", "updated_at")
    list_select_related = ("updated_by",)
    exclude = ("encrypted_value",)

    def view_on_site(self, obj: SiteSetting) -> str:
        return reverse("system_settings")
