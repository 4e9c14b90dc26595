"""What a verification has found, from what it measured and what was promised."""

import math
from typing import Any

from experiments_app import measurements, objective, repeats
from experiments_app.differences import BLOCKED_FROM, Noise
from experiments_app.drift import noise_before_final
from experiments_app.final_result import Final
from experiments_app.models import Experiment
from experiments_app.recorded_runtime import recorded
from experiments_app.verification_differences import differences
from experiments_app.verification_verdict import VerifyVerdict, judge
from tasks_app.models import Run
from tasks_app.spec import TaskSpec


def found(spec: TaskSpec, execution: Experiment) -> dict[str, Any]:
    """What came of an execution whose figures are stored: for its column `verification`.

    `{verdict, promised, measured, change, allowed, readings, why, misses, differences,
    is_runtime_recorded}`; scores in the objective's unit, shares as ratios.
    """
    original = execution.original()
    run = Run.objects.get(task=execution.task, number=execution.run)
    reference = repeats.reference_of(spec, original)
    levels = repeats.deciding_levels(spec, original)
    points = measurements.all_points_of(execution.measurements.all())
    now = repeats.value_of(spec, points, levels, reference)
    readings = (
        repeats.reading_of(spec, original, repeat, reference)
        for repeat in _counted_repeats(original)
    )
    promised = [value for value in readings if value is not None]
    how = {
        "differences": differences(run, spec, original, execution),
        "is_runtime_recorded": recorded(run) is not None,
    }
    misses = [objective.describe_miss(m) for p in points for m in objective.misses(p, spec.slo)]
    if now is None or not promised:
        lacking = "now it gave" if now is None else "then it left"
        why = misses[0] if misses else f"{lacking} no figure that can be compared"
        verdict = VerifyVerdict.NOT_KEPT if misses else VerifyVerdict.UNCLEAR
        return {"verdict": verdict, "why": why, "misses": misses, **how}
    judged = judge(promised, now, _noise(spec, run, original), misses)
    sign = 1 if objective.is_maximised(spec.optimization.objective) else -1
    return {
        "verdict": judged.verdict,
        "promised": math.exp(sign * math.fsum(promised) / len(promised)),
        "measured": math.exp(sign * now),
        "change": judged.change,
        "allowed": judged.allowed,
        "readings": judged.readings,
        "is_noise_known": judged.is_noise_known,
        "why": judged.why,
        "misses": misses,
        **how,
    }


def _counted_repeats(original: Experiment) -> list[int]:
    """Those that its score is made of."""
    rows = original.measurements.filter(counts=True).order_by("repeat")
    return list(dict.fromkeys(rows.values_list("repeat", flat=True)))


def _noise(spec: TaskSpec, run: Run, original: Experiment) -> Noise | None:
    """Of one reading on this machine, as the final has found it, else the default's repeats."""
    final = Final.from_data(run.final)
    if final is not None and final.noise and final.estimates:
        rounds = final.rounds - 1 if final.rounds >= BLOCKED_FROM else 0
        df = sum(e.repeats for e in final.estimates) - len(final.estimates) - rounds
        if df > 0:
            return Noise(final.noise, df)
    default = Experiment.objects.of_run(original.task, original.run).filter(number=0).first()
    return noise_before_final(spec, default) if default is not None else None
