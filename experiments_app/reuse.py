"""What an earlier run of the task measured under the same conditions is not measured again.

The same conditions: all of the task file that has a part in what is measured, the same image,
engine version, driver and machine. The baseline is always measured anew. Where its result is not
what it was, the machine has changed, and nothing of that run is taken over. Only successes are:
what failed is told to the search as knowledge (`recollection`) and may be tried again.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from experiments_app import measurements
from experiments_app.models import Experiment, Measurement
from experiments_app.pinned_dataset import pinned_sha256
from experiments_app.pricing import Price, cost_of, price_of
from tasks_app.models import Run
from tasks_app.space import Scalar, configuration_key
from tasks_app.spec import TaskSpec

SECTIONS = (
    "deployment_mode",
    "base_runtime",
    "runtime_image_tag",
    "runtime_image",
    "model",
    "fixed_parameters",
    "benchmark",
    "environment",
    "use_gpus",
    "container",
    "access",
)
"""Of the task file, what has a part in what is measured."""
SCORED_BY = ("objective", "objectives", "across_scenarios", "scenario_weights")
MOST_DRIFT = 0.05
"""Share by which a baseline may differ from an earlier one and still be the same."""
COPIED = (
    "command", "image_digest", "engine_version", "driver_version", "gpu_ids", "owner_host",
    "load_search", "quality",
)  # fmt: skip


CIRCUMSTANCES = ("image_digest", "engine_version", "driver_version", "owner_host")
Key = frozenset[tuple[str, object]]
Found = dict[Key, list[tuple[Run, int]]]
"""Of each configuration the run and the key of what measured it, the latest run first."""


@dataclass(frozen=True)
class Earlier:
    """An earlier run under the same conditions that measured something.

    `measured`: the keys of its experiments by that of their configuration, those alone that ran
    under the circumstances of the new baseline. `obstacle` says why none is taken over.
    """

    run: Run
    measured: Mapping[Key, int]
    obstacle: str = ""


class Shelf:
    """What a run may take over. The earlier runs are read once, for all that is looked for while
    the run goes through what is on it; a shelf is not kept longer than that."""

    def __init__(self) -> None:
        self._read: tuple[int, Found] | None = None

    def find(
        self, run: Run, baseline: Experiment, parameters: Mapping[str, Scalar]
    ) -> Experiment | None:
        """What was measured of this configuration in an earlier run, if it still holds."""
        if self._read is None or self._read[0] != run.pk:
            self._read = run.pk, _found(earlier_runs(run, baseline))
        for earlier, pk in self._read[1].get(configuration_key(parameters), ()):
            experiment = Experiment.objects.filter(pk=pk).first()
            if experiment is not None and _answers(run, earlier, experiment):
                return experiment
        return None


def _found(runs: Iterable[Earlier]) -> Found:
    found: Found = {}
    for earlier in runs:
        if not earlier.obstacle:
            for key, pk in earlier.measured.items():
                found.setdefault(key, []).append((earlier.run, pk))
    return found


def earlier_runs(run: Run, baseline: Experiment) -> Iterator[Earlier]:
    """The latest first. Nothing where the task does not want it."""
    if not (run.reuse and run.task_spec.optimization.reuse):
        return
    if baseline.status != Experiment.Status.SUCCESS:
        return
    for other in Run.objects.filter(task=run.task_id, number__lt=run.number).order_by("-number"):
        if _conditions(other.spec) != _conditions(run.spec):
            continue
        if pinned_sha256(other) != pinned_sha256(run):  # another data set under the same name
            continue
        rows = (
            Experiment.objects.first_times()
            .filter(task=run.task_id, run=other.number, number__gt=0)
            .filter(status=Experiment.Status.SUCCESS, reused_from=None)
            .values_list("parameters", "pk", *CIRCUMSTANCES)
            .order_by("-number")
        )
        if rows:
            now = _circumstances(baseline)
            measured = {configuration_key(row[0]): row[1] for row in rows if row[2:] == now}
            yield Earlier(other, measured, _obstacle(run, other, baseline))


def take_over(experiment: Experiment, source: Experiment, spec: TaskSpec) -> None:
    """The pending experiment ends as `source` did, scored as `spec` has it. In a transaction."""
    rows = list(source.measurements.all())
    _copy(rows, experiment, price_of(spec))
    points = measurements.points_of(rows)
    reference = measurements.reference_points(spec, experiment)
    result = measurements.score(spec, points, reference, quality=source.quality)
    Measurement.objects.bulk_create(rows)
    experiment.take_over(
        source,
        score=result.score,
        slo_excess=result.slo_excess,
        scores=measurements.scores(spec, points, reference) if result.feasible else {},
        at=timezone.now(),
        **{name: getattr(source, name) for name in COPIED},
    )


def _copy(rows: Iterable[Measurement], experiment: Experiment, price: Price | None) -> None:
    """The rows become new ones of the experiment, at the price of now."""
    for row in rows:
        row.pk = None
        row.experiment = experiment
        rate = row.output_tokens_per_s or 0.0
        row.cost_per_million_tokens = cost_of(price, rate, row.devices)


def _conditions(spec: Mapping[str, Any]) -> dict[str, Any]:
    load = {key: value for key, value in spec["benchmark"].items() if value is not None}
    return {name: spec.get(name) for name in SECTIONS} | {
        "benchmark": load,  # older runs know fewer keys
        "seed": spec["optimization"].get("seed", 0),  # of the prompts
    }


def _circumstances(experiment: Experiment) -> tuple[str, ...]:
    return tuple(getattr(experiment, name) for name in CIRCUMSTANCES)


def _same_question(run: Run, other: Run) -> bool:
    mine, theirs = run.spec["optimization"], other.spec["optimization"]
    same = all(mine.get(name) == theirs.get(name) for name in SCORED_BY)
    return same and run.spec["slo"] == other.spec["slo"]


def _answers(run: Run, other: Run, experiment: Experiment) -> bool:
    """Whether what was measured then can be scored as this run has it.

    Which levels were left out, and which requests were good, depends on objective and SLO; in the
    worst case, also on what the default reached then.
    """
    spec = run.task_spec
    if not _answers_compare(run, experiment):
        return False
    is_same = _same_question(run, other)
    if is_same and spec.optimization.across_scenarios != "worst_case":
        return True
    if spec.benchmark.finds_concurrency:
        return is_same
    if not is_same and "goodput" in (
        spec.optimization.objective + str(spec.optimization.objectives)
    ):
        return False
    measured = set(experiment.measurements.values_list("scenario", "concurrency"))
    return {(point.scenario, point.concurrency) for point in spec.points()} <= measured


def _answers_compare(run: Run, experiment: Experiment) -> bool:
    """Whether its answers were compared with those that this run's default gave."""
    baseline = Experiment.objects.of_run(run.task, run.number).filter(number=0).first()
    if baseline is None or not baseline.quality:
        return True
    kept = experiment.quality.get("reference_sha256")
    return bool(kept) and kept == baseline.quality.get("reference_sha256")


def _obstacle(run: Run, other: Run, baseline: Experiment) -> str:
    before = Experiment.objects.of_run(run.task, other.number).filter(number=0).first()
    if before is None or before.status != Experiment.Status.SUCCESS:
        return "its baseline was not measured"
    if _circumstances(before) != _circumstances(baseline):
        return "another engine or machine measured it"
    if None not in (_hardware(run), _hardware(other)) and _hardware(run) != _hardware(other):
        return f"it ran on {_hardware(other)}"
    then, now = _level(run, other, before, baseline)
    if not then or not now:
        return "the baselines cannot be compared"
    drift = now / then - 1
    if abs(drift) > MOST_DRIFT:
        return (
            f"its baseline came to {then:.4g}, this one to {now:.4g} ({drift:+.1%}):"
            " the machine, or what else runs on it, has changed"
        )
    return ""


def _hardware(run: Run) -> Scalar:
    kept: Mapping[str, Any] = run.memory or {}
    gpu: Scalar = kept.get("facts", {}).get("gpu")
    return gpu


def _level(
    run: Run, other: Run, before: Experiment, baseline: Experiment
) -> tuple[float | None, float | None]:
    """Figures of the two baselines that can be compared: their scores, or else throughput."""
    if _same_question(run, other) and before.objective_score and baseline.objective_score:
        return before.objective_score, baseline.objective_score
    rates = [_rates(experiment) for experiment in (before, baseline)]
    common = sorted(rates[0].keys() & rates[1].keys())
    then, now = (_mean([rate[point] for point in common]) for rate in rates)
    return then, now


def _rates(experiment: Experiment) -> dict[tuple[str, int], float]:
    rows = experiment.measurements.values_list("scenario", "concurrency", "output_tokens_per_s")
    return {(scenario, concurrency): rate for scenario, concurrency, rate in rows if rate}


def _mean(rates: Sequence[float]) -> float | None:
    return math.exp(math.fsum(map(math.log, rates)) / len(rates)) if rates else None
