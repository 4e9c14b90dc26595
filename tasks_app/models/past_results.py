"""Results of another site, taken in so that the search learns from them."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class PastResults(models.Model):
    """One run of another site: the circumstances, and what became of each configuration.

    `site` is the name of the machine that exported them, "" where the file does not say.
    `trials`: parameters, status, feasible and score of each. `searched`: names of the flags that
    were searched. `fingerprint` is of all that counts, so that nothing is taken in twice.
    """

    name = models.CharField(max_length=200)
    run = models.PositiveIntegerField(default=1)
    site = models.CharField(max_length=255, blank=True)
    base_runtime = models.CharField(max_length=100)
    objective = models.CharField(max_length=50)
    facts = models.JSONField(default=dict)
    slo = models.JSONField(default=dict, blank=True)
    searched = models.JSONField(default=list)
    trials = models.JSONField(default=list)
    fingerprint = models.CharField(max_length=64, unique=True)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-imported_at", "-pk")
        verbose_name_plural = "past results"
        indexes = (
            models.Index(fields=("base_runtime", "objective"), name="past_results_comparable"),
        )

    def __str__(self) -> str:
        return f"{self.name} run {self.run}"
