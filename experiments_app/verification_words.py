"""What became of a verification, for people. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments_app import words
from experiments_app.benchmark import ErrorKind
from experiments_app.engine_error import FailureKind
from experiments_app.models import Experiment
from experiments_app.verification_verdict import VerifyVerdict
from tasks_app.spec import TaskSpec

Status = Experiment.Status
ITS_OWN_FAULT: frozenset[str] = frozenset(
    {
        *(FailureKind.OUT_OF_MEMORY, FailureKind.OUT_OF_GPU_MEMORY, FailureKind.BAD_FLAG),
        *(FailureKind.MODEL_BROKEN, FailureKind.COMMAND_NOT_FOUND, FailureKind.TIME_OUT),
        *(FailureKind.CRASHED, ErrorKind.SERVER, ErrorKind.ALL_FAILED),
    }
)
"""Failures of the server: with them it does not keep what was promised. All others say nothing
about it."""


def verdict_of(execution: Experiment) -> VerifyVerdict | None:
    """None where it says nothing: not ended, or cancelled."""
    if told := execution.verification.get("verdict"):
        return VerifyVerdict(told)
    if execution.status != Status.FAILED:
        return None
    own = execution.error_kind in ITS_OWN_FAULT
    return VerifyVerdict.NOT_KEPT if own else VerifyVerdict.UNCLEAR


def sentence(execution: Experiment, spec: TaskSpec) -> str:
    """`kept: 80.1 against 80.2 tokens/s (0.1% worse, where 2.3% worse may be chance); every SLO
    held`"""
    verdict = verdict_of(execution)
    if verdict is None:
        return str(execution.current_status.label).lower()
    if execution.status == Status.FAILED:
        first = execution.error.partition("\n")[0]
        return f"{verdict}: it could not be measured again ({execution.error_kind}): {first}"
    found = execution.verification
    if "measured" not in found:
        return f"{verdict}: {found.get('why', '')}"
    told = f"{verdict}: {_figures(found, spec)}"
    if found.get("misses"):
        return f"{told}, because {'; '.join(found['misses'])}"
    if found.get("why"):
        return f"{told}, because {found['why']}{_slo(found, spec)}"
    return f"{told}{_slo(found, spec)}"


def _figures(found: Mapping[str, Any], spec: TaskSpec) -> str:
    objective = spec.optimization.objective
    measured, promised = words.number(found["measured"]), words.score(found["promised"], objective)
    better = "better" if found["change"] > 0 else "worse"
    return f"{measured} against {promised} ({abs(found['change']):.1%} {better}{_chance(found)})"


def _chance(found: Mapping[str, Any]) -> str:
    if found.get("why"):
        return ""
    if found["is_noise_known"]:
        return f", where {found['allowed']:.1%} worse may be chance"
    return f", where up to {found['allowed']:.0%} worse is let pass: the noise is not known"


def _slo(found: Mapping[str, Any], spec: TaskSpec) -> str:
    if found.get("misses") or not spec.slo:
        return ""
    return "; every SLO held"


def how_started(execution: Experiment) -> str:
    """What cannot be held on to of how the server was started; "" where all can."""
    if execution.verification.get("is_runtime_recorded", True):
        return ""
    return (
        "The run did not record how the runtime's file was then: the server was started as it is"
        " today."
    )


@dataclass(frozen=True)
class ShownVerification:
    """A line of the page."""

    experiment: Experiment
    words: str
    verdict: VerifyVerdict | None
    is_open: bool

    @classmethod
    def of(
        cls, execution: Experiment, spec: TaskSpec, *, waiting_for: str = ""
    ) -> "ShownVerification":
        """`waiting_for`: which devices, where it waits for some."""
        is_open = not execution.current_status.is_finished
        told = waiting_for or words.phase(execution.progress)
        if not is_open:
            told = sentence(execution, spec)
        elif execution.cancel_asked_at:
            told = "being cancelled"
        return cls(execution, told, verdict_of(execution), is_open)

    @property
    def different(self) -> str:
        """`engine version, command`"""
        names = (one["name"].rpartition(": ")[2] for one in self.differences)
        return ", ".join(name[:1].lower() + name[1:] for name in names)

    @property
    def how_started(self) -> str:
        return how_started(self.experiment)

    @property
    def differences(self) -> list[Mapping[str, str]]:
        return list(self.experiment.verification.get("differences", ()))


def exported(execution: Experiment, spec: TaskSpec) -> dict[str, Any]:
    """For the exports as JSON; `measurements` are added by whoever has them."""
    verdict = verdict_of(execution)
    return {
        "number": execution.number,
        "repeat": execution.repeat,
        "status": execution.status,
        "verdict": str(verdict) if verdict else None,
        "words": sentence(execution, spec),
        "promised": execution.verification.get("promised"),
        "measured": execution.verification.get("measured"),
        "change": execution.verification.get("change"),
        "allowed": execution.verification.get("allowed"),
        "why": execution.verification.get("why") or None,
        "misses": execution.verification.get("misses", []),
        "differences": execution.verification.get("differences", []),
        "is_runtime_recorded": execution.verification.get("is_runtime_recorded"),
        "error_kind": execution.error_kind or None,
        "error": execution.error or None,
        "command": execution.command,
        "phases_s": execution.phases_s,
        "started_at": execution.started_at.isoformat() if execution.started_at else None,
        "completed_at": execution.completed_at.isoformat() if execution.completed_at else None,
    }
