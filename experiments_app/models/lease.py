"""A ResourceLease: what an attempt holds of its host."""

from django.db import models
from django.utils import timezone

from experiments_app.models.experiment import Experiment


class ResourceLease(models.Model):
    """A port or a device of a host, held by one attempt of one experiment."""

    host = models.CharField(max_length=200)
    resource = models.CharField(max_length=200, help_text="port:8000, cpu, …")
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="leases")
    token = models.CharField(max_length=40, help_text="The holder's claim on the experiment.")
    acquired_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("host", "resource"), name="resource_leased_once"),
        )

    def __str__(self) -> str:
        return f"{self.host} {self.resource}"
