"""Results as `tune --json` prints them, small enough to see what is compared."""

import copy
from typing import Any

from experiments_app.ci.outcome import Outcome
from experiments_app.ci.regression import Stored
from tests.experiments_app.specs import task_data

SPEC = task_data()


def experiment(number: int, score: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "parameters": {"threads": number} if number else {},
        "status": "success",
        "feasible": score is not None,
        "objective_score": score,
        "error_kind": None,
        "error": None,
        "command": ["llama-server", "--threads", str(number)],
        "phases_s": {"pull": None, "start": 1.5, "measure": 2.25},
        "measurements": [
            {
                "scenario": "D(16,8)",
                "concurrency": 2,
                "counts": True,
                "output_tokens_per_s": score or 1.0,
                "ttft_p99_s": 0.05,
            }
        ],
    } | changes


def data(
    score: float | None = 100.0,
    *,
    spread: float | None = 0.01,
    baseline: float | None = 80.0,
    **changes: Any,
) -> dict[str, Any]:
    """A completed run whose best is experiment 1. `spread`: by so much the 95 % interval goes
    beyond a score on either side; None: nothing was measured again."""
    default = experiment(0, baseline)
    best = None if score is None else experiment(1, score)
    estimates = [
        {
            "number": one["number"],
            "score": one["objective_score"],
            "score_ci95": [
                one["objective_score"] / (1 + (spread or 0.0)),
                one["objective_score"] * (1 + (spread or 0.0)),
            ],
        }
        for one in (default, best)
        if one and one["objective_score"] and spread is not None
    ]
    gain = score / baseline - 1 if score and baseline else None
    found = {
        "task": "small",
        "run": 2,
        "status": "completed",
        "objective": "maximize_throughput",
        "site": "runner",
        "facts": {"model": "smollm2-135m", "gpu": "a CPU", "runtime": "llamacpp"},
        "spec": copy.deepcopy(SPEC),
        "best": best,
        "baseline": default,
        "gain": gain,
        "gain_ci95": None if gain is None or spread is None else [gain - spread, gain + spread],
        "verdict": "experiment 1 is better than the default by 25.0%",
        "final": {"is_done": True, "estimates": estimates} if spread is not None else None,
        "provenance": {"versions": {"xllamacpp": "0.1"}, "observed": {"hosts": ["runner"]}},
        "experiments": [default, best or experiment(1, None)],
        "log": "/somewhere",
    }
    return found | changes


def outcome(score: float | None = 100.0, **changes: Any) -> Outcome:
    return Outcome.from_data(data(score, **changes))


def stored(score: float | None = 100.0, **changes: Any) -> Stored:
    return Stored("baseline.json", outcome(score, **changes))


def spec(**changes: Any) -> dict[str, Any]:
    return task_data(**changes)
