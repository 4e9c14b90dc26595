"""A run as its results file has it: what is compared, and what a summary tells. One way to read
for the run that has just ended and for one that was stored, on this site or another."""

import json
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments_app import words
from experiments_app.past_import import MAX_BYTES, MOST_EXPERIMENTS
from experiments_app.provenance_words import lines
from tasks_app.expressions import Scalar
from tasks_app.problems import Problem, SpecError
from tasks_app.spec_sections import Objective
from tasks_app.validation import problems_of

LOOSE = ConfigDict(extra="ignore", allow_inf_nan=False, frozen=True)
COMPLETED = "completed"


class Tried(BaseModel):
    """An experiment."""

    model_config = LOOSE

    number: int = Field(ge=0)
    parameters: dict[str, Scalar]
    status: str
    feasible: bool | None = None
    objective_score: float | None = Field(default=None, ge=0)
    error_kind: str | None = None
    error: str | None = None
    command: list[str] | str = Field(default_factory=list)
    phases_s: dict[str, float | None] = Field(default_factory=dict)
    measurements: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def name(self) -> str:
        return words.experiment(self.number)

    @property
    def took_s(self) -> float:
        return sum(seconds or 0.0 for seconds in self.phases_s.values())


class Estimate(BaseModel):
    model_config = LOOSE

    number: int
    score: float | None = None
    score_ci95: tuple[float, float] | None = None


class Final(BaseModel):
    """What of the final counts here: what each contender came to when it was measured again."""

    model_config = LOOSE

    is_done: bool = False
    estimates: list[Estimate] = Field(default_factory=list)


class _Gpu(BaseModel):
    model_config = LOOSE

    name: str
    memory_bytes: float
    power_limit_w: float | None = None


class _Hardware(BaseModel):
    model_config = LOOSE

    host: str | None = None
    system: str | None = None
    cpu: str | None = None
    physical_cores: int | None = None
    logical_cores: int | None = None
    memory_bytes: float | None = None
    gpus: list[_Gpu] = Field(default_factory=list)


class _Observed(BaseModel):
    model_config = LOOSE

    images: list[str] = Field(default_factory=list)
    engine_versions: list[str] = Field(default_factory=list)
    drivers: list[str] = Field(default_factory=list)
    hosts: list[str] = Field(default_factory=list)
    prompts: dict[str, str] = Field(default_factory=dict)


class _Provenance(BaseModel):
    """As `provenance.whole` gives it, without the moment."""

    model_config = LOOSE

    versions: dict[str, str] = Field(default_factory=dict)
    hardware: _Hardware = Field(default_factory=_Hardware)
    settings: dict[str, str] = Field(default_factory=dict)
    observed: _Observed = Field(default_factory=_Observed)
    model_revision: str | None = None
    seed: int | None = None


class Outcome(BaseModel):
    """`gain` and `gain_ci95`: of the best over the default, as a ratio minus 1."""

    model_config = LOOSE

    task: str = Field(min_length=1, max_length=200)
    run: int = Field(ge=1)
    status: str
    objective: Objective
    site: str = Field(default="", max_length=255)
    facts: dict[str, Any] = Field(default_factory=dict)
    spec: dict[str, Any]
    best: Tried | None
    baseline: Tried | None
    gain: float | None = None
    gain_ci95: tuple[float, float] | None = None
    verdict: str = ""
    final: Final | None = None
    provenance: _Provenance | None = None
    experiments: list[Tried] = Field(max_length=MOST_EXPERIMENTS + 1)

    @classmethod
    def from_data(cls, data: object) -> Self:
        """Raises SpecError."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise SpecError(problems_of(error, cls)) from error

    @classmethod
    def read(cls, content: bytes) -> Self:
        """From a results file. Raises SpecError, which says what is wrong, where, and what is
        right."""
        right = "use a file of `export_results NAME` or `tune … --json`"
        if len(content) > MAX_BYTES:
            raise SpecError([Problem("", f"is larger than {MAX_BYTES // 1024**2} MB")])
        try:
            data = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise SpecError([Problem("", f"is no JSON: {error}", right)]) from error
        if not isinstance(data, dict) or not {"task", "experiments", "spec"} <= data.keys():
            raise SpecError([Problem("", "is no results file", right)])
        return cls.from_data(data)

    @property
    def has_completed(self) -> bool:
        return self.status == COMPLETED

    @property
    def device(self) -> str:
        """The name of the GPU, or of the processor, that it ran on; empty where it is not known."""
        return str(self.facts.get("gpu") or "")

    def section(self, name: str) -> Mapping[str, Any]:
        """Of the task file; empty where it has none."""
        section = self.spec.get(name)
        return section if isinstance(section, Mapping) else {}

    @cached_property
    def circumstances(self) -> dict[str, str]:
        """What it was measured with, in words: engine, versions, hardware, model, prompts."""
        return lines(self.provenance.model_dump()) if self.provenance else {}

    def score_ci95(self, number: int) -> tuple[float, float] | None:
        """The 95 % interval of an experiment's score, as measuring it again in the final has shown.
        None where it was measured once, so that nothing is known."""
        if self.final is None or not self.final.is_done:
            return None
        found = (e.score_ci95 for e in self.final.estimates if e.number == number and e.score_ci95)
        low, high = next(found, None) or (0.0, 0.0)
        return (low, high) if 0 < low <= high else None

    def half_width(self, number: int) -> float | None:
        """Of that interval, as a logarithm."""
        interval = self.score_ci95(number)
        return math.log(interval[1] / interval[0]) / 2 if interval else None
