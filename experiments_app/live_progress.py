"""What an experiment does now, written into its row for whoever follows."""

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import InterfaceError, OperationalError

from experiments_app import words
from experiments_app.benchmark import Progress
from experiments_app.containers.progress import PullProgress
from experiments_app.models import Experiment

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 1.0


class LiveProgress:
    """Writes every change of phase or level at once, and requests once a second."""

    def __init__(self, experiment: Experiment, token: str) -> None:
        self._experiment = experiment
        self._token = token
        self._shown: dict[str, Any] = {}
        self._written_at = 0.0
        self._passed: dict[str, float] = {}
        self._since = time.time()

    @property
    def words(self) -> str:
        return words.phase(self._shown)

    def enter(self, phase: str) -> None:
        self._show({"phase": phase})

    def pull(self, progress: PullProgress) -> None:
        self._show({"phase": "pulling", **asdict(progress)})

    def report(self, progress: Progress) -> None:
        self._show(
            {
                "phase": "measuring",
                "scenario": progress.scenario,
                "concurrency": progress.concurrency,
                "level": progress.index + 1,
                "levels": progress.levels,
                "requests": progress.done,
                "requests_total": progress.total,
                "errors": progress.errors,
            }
        )

    def _show(self, now: Mapping[str, Any]) -> None:
        is_new = any(self._shown.get(key) != now.get(key) for key in ("phase", "level"))
        if not is_new and time.monotonic() - self._written_at < WRITE_EVERY_S:
            return
        self._pass_on(str(now.get("phase")))
        self._shown = {**now, "passed": dict(self._passed), "since": self._since}
        self._written_at = time.monotonic()
        try:
            self._experiment.write(self._token, progress=self._shown)
        except (InterfaceError, OperationalError) as error:  # only the view of it suffers
            logger.warning("progress of experiment %d: %s", self._experiment.pk, error)

    def _pass_on(self, phase: str) -> None:
        """Keep the seconds of the phase that ends, for those who look at the steps."""
        left = self._shown.get("phase")
        if left is None or left == phase:
            return
        now = time.time()
        self._passed[left] = round(self._passed.get(left, 0.0) + max(now - self._since, 0.0), 1)
        self._since = now
