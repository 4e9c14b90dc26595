"""What was run: the Experiment, its Measurements, and the leases that keep it alone."""

from experiments_app.models.experiment import Experiment
from experiments_app.models.experiment_queries import ExperimentQuerySet
from experiments_app.models.lease import ResourceLease
from experiments_app.models.measurement import Measurement
from experiments_app.models.site_setting import SiteSetting

# A subject of its own; here is where Django looks for its tables.
from experiments_app.notifications.models import Channel, Delivery, TaskFollow

__all__ = [
    "Channel",
    "Delivery",
    "Experiment",
    "ExperimentQuerySet",
    "Measurement",
    "ResourceLease",
    "SiteSetting",
    "TaskFollow",
]
