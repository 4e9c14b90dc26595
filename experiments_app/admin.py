"""Experiments and measurements, to be looked at: a result is never edited."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import reverse

from autotuner_site.admin import ReadOnlyMixin
from experiments_app.models import Experiment, Measurement, SiteSetting

if TYPE_CHECKING:
    ExperimentModelAdmin = admin.ModelAdmin[Experiment]
    MeasurementModelAdmin = admin.ModelAdmin[Measurement]
    SiteSettingModelAdmin = admin.ModelAdmin[SiteSetting]
else:
    ExperimentModelAdmin = MeasurementModelAdmin = SiteSettingModelAdmin = admin.ModelAdmin


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyMixin, ExperimentModelAdmin):
    list_display = (
        "task",
        "run",
        "number",
        "status",
        "feasible",
        "objective_score",
        "error_kind",
        "started_at",
    )
    list_filter = ("status", "feasible", "error_kind")
    search_fields = ("task__name", "error")
    date_hierarchy = "created_at"
    list_select_related = ("task",)

    def view_on_site(self, obj: Experiment) -> str:
        return reverse("experiment_detail", args=[obj.pk])


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyMixin, MeasurementModelAdmin):
    list_display = (
        "experiment", "scenario", "concurrency", "repeat", "num_requests", "num_errors",
        "output_tokens_per_s", "ttft_mean_s", "tpot_mean_s", "e2e_mean_s",
    )  # fmt: skip
    list_filter = ("scenario", "concurrency", "client_bound")
    search_fields = ("experiment__task__name", "scenario")
    list_select_related = ("experiment__task",)
    exclude = ("samples",)

    def view_on_site(self, obj: Measurement) -> str:
        return reverse("experiment_detail", args=[obj.experiment_id])


@admin.register(SiteSetting)
class SiteSettingAdmin(ReadOnlyMixin, SiteSettingModelAdmin):
    """Who set what; it is set on the page System."""

    list_display = ("name", "updated_by", "updated_at")
    list_select_related = ("updated_by",)
    exclude = ("encrypted_value",)

    def view_on_site(self, obj: SiteSetting) -> str:
        return reverse("system_settings")
