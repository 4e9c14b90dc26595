"""Which requests an experiment is measured with, and whether others got the same."""

from collections.abc import Mapping
from typing import Any

from experiments_app.final_result import Final
from experiments_app.models import Experiment, Measurement
from tasks_app.models import Run


def request_set(experiment: Experiment) -> str:
    """The name of its requests: fresh ones in each round of the final, the same for all contenders;
    for a look at the machine's drift the very ones of the first time, and for a verification the
    ones that its score was made with last."""
    if experiment.is_verification:
        return _last_counted(experiment.original())
    if experiment.purpose != Experiment.Purpose.FINAL:
        return f"{Experiment.Purpose.SEARCH} 1"
    run = Run.objects.get(task=experiment.task, number=experiment.run)
    final = Final.from_data(run.final) or Final()
    rounds = {(number, repeat): at for number, repeat, at in final.executions}
    at = rounds.get((experiment.number, experiment.repeat), experiment.repeat)
    return f"{Experiment.Purpose.FINAL} {at}"


def _last_counted(original: Experiment) -> str:
    counted = original.measurements.filter(counts=True).order_by("-repeat").only("conditions")
    last = counted.first()
    return (last and last.conditions.get("request_set")) or f"{Experiment.Purpose.SEARCH} 1"


def measured_otherwise(
    experiment: Experiment, scenario: str, concurrency: int, conditions: Mapping[str, Any]
) -> int | None:
    """The first experiment of the run that got other requests at this level, though they go by the
    same name: another version of the load client made them. None where all got the same."""
    others = Measurement.objects.filter(
        experiment__task=experiment.task,
        experiment__run=experiment.run,
        scenario=scenario,
        concurrency=concurrency,
    )
    others = others.exclude(experiment__number=experiment.number)
    for other in others.select_related("experiment").only("conditions", "experiment__number"):
        before = other.conditions
        if _name(before) == _name(conditions) and before.get("prompts") != conditions["prompts"]:
            return other.experiment.number
    return None


def _name(conditions: Mapping[str, Any]) -> tuple[Any, ...]:
    return conditions.get("request_set"), conditions.get("counted_try", 1)
