"""What the pages show of verifying an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_app import consumer, verification
from experiments_app.models import Experiment
from experiments_app.verification_words import ShownVerification
from experiments_app.waiting import waiting_reason
from tasks_app.spec import TaskSpec


@dataclass(frozen=True)
class VerificationView:
    """`shown` is what has been verified, the latest first; `why_not` it cannot be now."""

    original: Experiment
    shown: Sequence[ShownVerification]
    why_not: str

    @classmethod
    def of(cls, original: Experiment, spec: TaskSpec, *, is_under_way: bool) -> "VerificationView":
        shown = tuple(_shown(one, spec) for one in verification.verifications_of(original))
        return cls(original, shown, verification.why_not(original, is_under_way=is_under_way))

    @property
    def open_one(self) -> ShownVerification | None:
        return next((one for one in self.shown if one.is_open), None)

    @property
    def latest(self) -> ShownVerification | None:
        return self.shown[0] if self.shown else None

    def of_execution(self, execution: Experiment) -> ShownVerification | None:
        return next((one for one in self.shown if one.experiment.pk == execution.pk), None)

    @property
    def is_offered(self) -> bool:
        return not self.why_not

    @property
    def stamp(self) -> str:
        """Changes with what is shown of it."""
        return repr([(one.experiment.pk, one.experiment.status, one.words) for one in self.shown])


def _shown(execution: Experiment, spec: TaskSpec) -> ShownVerification:
    waiting_for = waiting_reason(execution)
    if execution.status == Experiment.Status.PENDING and not consumer.is_alive():
        waiting_for = waiting_for or "waiting for the consumer, which is not running"
    return ShownVerification.of(execution, spec, waiting_for=waiting_for)
