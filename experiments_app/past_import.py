"""From the results file of another site (`export_results --format json`) to what is learned from.

Only what the search can use is kept: no command, no log, no environment.
"""

import hashlib
import json
from typing import Any

from django.contrib.auth.models import User
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments_app.facts import FACTS
from tasks_app.expressions import Scalar
from tasks_app.models import PastResults
from tasks_app.problems import Problem, SpecError
from tasks_app.spec_sections import Objective
from tasks_app.validation import problems_of

MAX_BYTES = 32 * 1024**2
MOST_EXPERIMENTS = 10_000
LOOSE = ConfigDict(extra="ignore", allow_inf_nan=False)


class SentExperiment(BaseModel):
    model_config = LOOSE

    number: int = Field(ge=0)
    parameters: dict[str, Scalar]
    status: str
    feasible: bool | None = None
    objective_score: float | None = None
    error_kind: str | None = Field(default=None, max_length=40)

    @property
    def is_told(self) -> bool:
        """Whether something is to be learned from it; the baseline leaves the flags out."""
        return self.number > 0 and self.status in {"success", "failed"}


class _Facts(BaseModel):
    model_config = LOOSE

    model: str | None = Field(default=None, max_length=1_000)
    gpu: str | None = Field(default=None, max_length=200)
    runtime: str = Field(max_length=100)
    input_tokens: float | None = Field(default=None, ge=0)
    output_tokens: float | None = Field(default=None, ge=0)


class _Spec(BaseModel):
    model_config = LOOSE

    parameters: dict[str, Any]
    slo: dict[str, float] = Field(default_factory=dict)


class SentResults(BaseModel):
    """What of the file counts."""

    model_config = LOOSE

    task: str = Field(min_length=1, max_length=200)
    run: int = Field(ge=1)
    site: str = Field(default="", max_length=255)
    objective: Objective
    facts: _Facts
    spec: _Spec
    experiments: list[SentExperiment] = Field(max_length=MOST_EXPERIMENTS)


def parse_results(content: bytes) -> SentResults:
    """Raises SpecError, which says what is wrong, where, and what is right."""
    if len(content) > MAX_BYTES:
        raise SpecError([Problem("", f"is larger than {MAX_BYTES // 1024**2} MB")])
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        told = Problem("", f"is no JSON: {error}", "use `export_results NAME --format json`")
        raise SpecError([told]) from error
    if isinstance(data, dict) and "experiments" in data and "facts" not in data:
        told = Problem(
            "facts", "is missing: an older version wrote this file", "export it once more"
        )
        raise SpecError([told])
    try:
        results = SentResults.model_validate(data)
    except ValidationError as error:
        raise SpecError(problems_of(error, SentResults)) from error
    if not any(one.is_told for one in results.experiments):
        told = Problem(
            "experiments", "hold nothing that ended, the baseline apart: nothing to learn"
        )
        raise SpecError([told])
    return results


def import_results(content: bytes, *, user: User | None = None) -> tuple[PastResults, bool]:
    """What was stored, and whether it is new: the same results are stored once. Raises as
    `parse_results`."""
    results = past_results(parse_results(content))
    fields = (
        "name",
        "run",
        "site",
        "base_runtime",
        "objective",
        "facts",
        "slo",
        "searched",
        "trials",
    )
    values = {name: getattr(results, name) for name in fields}
    return PastResults.objects.get_or_create(
        fingerprint=results.fingerprint, defaults=values | {"imported_by": user}
    )


def past_results(results: SentResults) -> PastResults:
    """Unsaved, as they would be stored."""
    trials = [
        {
            "parameters": one.parameters,
            "status": one.status,
            "feasible": one.feasible,
            "score": one.objective_score,
            "error_kind": one.error_kind or "",
        }
        for one in results.experiments
        if one.is_told
    ]
    facts = results.facts.model_dump()
    kept = {
        "base_runtime": results.facts.runtime,
        "objective": results.objective,
        "facts": {name: facts[name] for name in FACTS},
        "slo": results.spec.slo,
        "searched": sorted(results.spec.parameters),
        "trials": trials,
    }
    text = json.dumps([results.task, results.run, kept], sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    return PastResults(
        name=results.task, run=results.run, site=results.site, fingerprint=fingerprint, **kept
    )
