"""The runtime's file as it was when a run began, as far as it takes to start its servers again.

Kept in `Run.provenance`: a file that was changed since must not change what is verified.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from experiments_app.models import Experiment
from tasks_app.expressions import Expression
from tasks_app.masking import MASK, hidden_names
from tasks_app.models import Run
from tasks_app.runtimes import Runtime, site_runtimes
from tasks_app.spec import TaskSpec

KEY = "runtime"
STARTS_IT = (
    "name", "command", "container_command", "image", "entrypoint", "genai_bench_backend",
    "health_path", "flag_style", "devices", "environment", "json_keys",
)  # fmt: skip


def to_record(spec: TaskSpec) -> dict[str, Any] | None:
    """Fit for anybody to read: what hides a secret stands masked. None without such a runtime."""
    runtime = site_runtimes().find(spec.base_runtime)
    if runtime is None:
        return None
    names = _names(spec, runtime)
    data = runtime.model_dump(mode="json", include=set(STARTS_IT), exclude_defaults=True)
    data["environment"] = {
        name: MASK if name in hidden_names(runtime.environment) else value
        for name, value in runtime.environment.items()
    }
    data["flags"] = {
        name: flag.model_dump(mode="json", include={"type", "default", "negation"})
        for name, flag in runtime.flags.items()
        if name in names
    }
    data["other_flags"] = [n for n in runtime.other_flags if n.removeprefix("no-") in names]
    return data


def recorded(run: Run) -> Runtime | None:
    """None where it was not recorded: by an earlier version of this site, or elsewhere. What was
    masked is as today's file has it."""
    data: Mapping[str, Any] | None = (run.provenance or {}).get(KEY)
    if not data:
        return None
    today = site_runtimes().find(data.get("name", ""))
    known = today.environment if today else {}
    environment = {
        name: known.get(name, "") if value == MASK else value
        for name, value in data.get("environment", {}).items()
    }
    try:
        return Runtime.model_validate({**data, "environment": environment})
    except ValidationError:  # of another version of this site
        return None


def recorded_for(experiment: Experiment, run: Run) -> Runtime | None:
    """What a verification is started with; None for all else, which goes by today's file."""
    return recorded(run) if experiment.is_verification else None


def _names(spec: TaskSpec, runtime: Runtime) -> frozenset[str]:
    """Of the flags that have a part in a command of the run; of a JSON key, its flag's."""
    given = (*spec.fixed_parameters, *spec.parameters, *(r.flag for r in runtime.repairs))
    whole = {name.partition(".")[0] for name in given}
    return frozenset({*given, *whole, *Expression.parse(runtime.devices).names})
