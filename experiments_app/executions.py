"""Each time that a configuration was started and measured, for the page of its experiment."""

from collections.abc import Iterable
from dataclasses import dataclass

from experiments_app.models import Experiment, Measurement
from experiments_app.rows import state_of

_PURPOSES = {
    Experiment.Purpose.SEARCH: "the search",
    Experiment.Purpose.DRIFT: "watching for drift",
    Experiment.Purpose.FINAL: "the final",
    Experiment.Purpose.VERIFY: "verifying a deployment",
}


@dataclass(frozen=True)
class Execution:
    """`counts`: whether its figures are part of the score; None where it has none."""

    experiment: Experiment
    counts: bool | None
    is_shown: bool

    @property
    def purpose(self) -> str:
        return _PURPOSES[Experiment.Purpose(self.experiment.purpose)]

    @property
    def state(self) -> tuple[str, str, str]:
        """State, label and detail; a repeat is neither feasible nor infeasible by itself."""
        status = self.experiment.current_status
        if status is Experiment.Status.SUCCESS and self.experiment.feasible is None:
            return status.value, "measured", ""
        return state_of(self.experiment)

    @property
    def counts_words(self) -> str:
        if self.counts is None:
            return "–"
        if self.counts:
            return "yes"
        return "no: it is what chose this configuration"


def executions_of(
    experiment: Experiment, rows: Iterable[Measurement], shown: Experiment
) -> list[Execution]:
    """All of an experiment, in order; `rows`: what was measured of it. Empty where it was measured
    once: then its page says all there is. One query."""
    executions = Experiment.objects.started_for_run(experiment.task, experiment.run)
    found = list(executions.filter(number=experiment.number).with_source().order_by("repeat"))
    if len(found) < 2:
        return []
    counts = {row.repeat: row.counts for row in rows}
    return [Execution(one, counts.get(one.repeat), one.pk == shown.pk) for one in found]
