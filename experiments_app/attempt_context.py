"""What every part of an attempt needs: its experiment and claim, its clock, its log."""

import time

from experiments_app import disk, task_log
from experiments_app.engines import RunningServer
from experiments_app.leases import Claim, Heartbeat
from experiments_app.live_progress import LiveProgress
from experiments_app.models import Experiment
from experiments_app.network import network_environment
from experiments_app.recorded_runtime import recorded_for
from tasks_app.masking import mask_text, secrets_in, spec_secrets
from tasks_app.models import Run
from tasks_app.spec import TaskSpec

DISK_EVERY_S = 2.0


class TimeUp(Exception):
    """The experiment took longer than `timeout_per_iteration`."""


class AttemptContext:
    """One attempt at an experiment, by the worker that holds its claim.

    `durations`: seconds of each phase by column. `deadline`: of the monotonic clock. `network`:
    variables for whatever reaches out on its behalf. `secrets`: what no log may show.
    """

    def __init__(self, experiment: Experiment, claim: Claim, heartbeat: Heartbeat) -> None:
        self.experiment = experiment
        self.claim = claim
        self.heartbeat = heartbeat
        run = Run.objects.get(task=experiment.task, number=experiment.run)
        self.spec: TaskSpec = run.task_spec
        self.recorded_runtime = recorded_for(experiment, run)
        self.network = network_environment(self.spec.access)
        self.secrets: tuple[str, ...] = (*spec_secrets(self.spec), *secrets_in(self.network))
        self.deadline = time.monotonic() + self.spec.optimization.timeout_per_iteration
        self.progress = LiveProgress(experiment, claim.token)
        self.durations: dict[str, float] = {}
        self._looks_at_disk_at = 0.0

    def time_left_s(self) -> float:
        return max(self.deadline - time.monotonic(), 0.0)

    def check(self, server: RunningServer | None = None) -> None:
        """Raises when there is no reason to go on: cancelled, claim lost, disk full, time up,
        server dead."""
        self.heartbeat.check()
        self._check_disk()
        if time.monotonic() > self.deadline:
            limit_s = self.spec.optimization.timeout_per_iteration
            raise TimeUp(
                f"not finished within timeout_per_iteration ({limit_s} s);"
                f" it was {self.progress.words}"
            )
        if server is not None:
            server.check_alive()

    def _check_disk(self) -> None:
        if time.monotonic() < self._looks_at_disk_at:
            return
        self._looks_at_disk_at = time.monotonic() + DISK_EVERY_S
        if (room := disk.room()).is_critical:
            raise disk.DiskFull(room.words)

    def enter(self, phase: str) -> None:
        self.check()
        self.progress.enter(phase)

    def timed(self, name: str) -> "_Timer":
        return _Timer(self.durations, name)

    def masked(self, text: str) -> str:
        return mask_text(text, self.network, *self.secrets)

    def log(self, message: str) -> None:
        experiment = self.experiment
        message = self.masked(message)
        task_log.write(experiment.task_id, message, run=experiment.run, number=experiment.number)


class _Timer:
    """Adds to `name` how many seconds its `with` block took, however it ended."""

    def __init__(self, durations: dict[str, float], name: str) -> None:
        self._durations = durations
        self._name = name

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        before = self._durations.get(self._name, 0.0)
        self._durations[self._name] = before + time.monotonic() - self._started
