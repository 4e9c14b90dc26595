"""A Measurement: what one experiment measured at one load level."""

from django.db import models

from experiments_app.models.experiment import Experiment


class Measurement(models.Model):
    """What one experiment measured at one load level; times in seconds, rates per second."""

    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="measurements"
    )
    repeat = models.PositiveIntegerField(default=1)
    scenario = models.CharField(max_length=100)
    concurrency = models.PositiveIntegerField()
    num_requests = models.PositiveIntegerField(help_text="Requests that ended, errors included.")
    num_errors = models.PositiveIntegerField(default=0)
    num_cut_off = models.PositiveIntegerField(
        default=0, help_text="Answers whose length was not the one asked for."
    )
    duration_s = models.FloatField()
    devices = models.PositiveIntegerField(default=1, help_text="Devices in use; 1 for a CPU.")

    ttft_mean_s = models.FloatField(null=True)
    ttft_p50_s = models.FloatField(null=True)
    ttft_p90_s = models.FloatField(null=True)
    ttft_p95_s = models.FloatField(null=True)
    ttft_p99_s = models.FloatField(null=True)
    tpot_mean_s = models.FloatField(null=True)
    tpot_p50_s = models.FloatField(null=True)
    tpot_p90_s = models.FloatField(null=True)
    tpot_p95_s = models.FloatField(null=True)
    tpot_p99_s = models.FloatField(null=True)
    e2e_mean_s = models.FloatField(null=True)
    e2e_p50_s = models.FloatField(null=True)
    e2e_p90_s = models.FloatField(null=True)
    e2e_p95_s = models.FloatField(null=True)
    e2e_p99_s = models.FloatField(null=True)
    output_tokens_per_s = models.FloatField(null=True)
    total_tokens_per_s = models.FloatField(null=True)
    requests_per_s = models.FloatField(null=True)
    good_requests_per_s = models.FloatField(
        null=True, help_text="Requests that met every latency bound by themselves."
    )
    client_bound = models.BooleanField(
        default=False, help_text="The load client, not the server, set the pace."
    )
    joules_per_token = models.FloatField(
        null=True, help_text="Energy of the devices for each output token, where it is measured."
    )
    cost_per_million_tokens = models.FloatField(
        null=True,
        help_text="What a million output tokens cost at this load, by the price of the time.",
    )
    counts = models.BooleanField(
        default=True,
        help_text="Whether the score is made of it: what chose a leader does not count once the"
        " final has measured it again.",
    )
    conditions = models.JSONField(
        default=dict,
        help_text="What else this machine did meanwhile, and whether the load was steady.",
    )
    samples = models.JSONField(
        default=dict, help_text="Per request: ttft_s, tpot_s, e2e_s, input_tokens, output_tokens."
    )

    class Meta:
        ordering = ("experiment", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("experiment", "repeat", "scenario", "concurrency"),
                name="measurement_unique_in_experiment",
            ),
        )

    def __str__(self) -> str:
        return f"{self.experiment} {self.scenario} concurrency {self.concurrency}"
