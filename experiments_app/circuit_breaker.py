"""When a run is stopped because everything in it fails for one cause.

A run trips when nothing of it has been measured and its latest experiments all failed with the same
kind of error, at least two different configurations among them where it takes more than one:

- 1 for a cause that no flag has a part in (the image, Docker, genai-bench, a folder);
- 2 for one that plainly holds for every configuration (the model, its tokenizer, the disk …);
- 6 for too little memory, which depends on the configuration more than on anything else;
- 3 for every other.

The failures are counted from the latest back, so a first failure of another kind does not keep the
run going; a cause that comes and goes never trips it. Something that was measured, however badly,
ends all of this for the run: the search then learns what to avoid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from experiments_app import words
from experiments_app.models import Experiment
from tasks_app.space import configuration_key

WHATEVER_THE_FLAGS = frozenset(
    {
        "image_missing",
        "registry_refused",
        "docker_unreachable",
        "results_unwritable",
        "runtime_broken",
    }
)
WHATEVER_THE_CONFIGURATION = frozenset(
    {
        "model_not_found",
        "not_on_hub",
        "model_gated",
        "gated",
        "unauthorized",
        "model_broken",
        "offline_missing",
        "no_tokenizer",
        "tokenizer",
        "network",
        "network_unreachable",
        "proxy_refused",
        "tls",
        "driver_missing",
        "command_not_found",
        "container_refused",
        "not_allowed",
        "disk_full",
        "incomplete",
    }
)
BY_CONFIGURATION = frozenset({"out_of_memory", "out_of_gpu_memory"})

MEASURED = frozenset({Experiment.Status.SUCCESS, Experiment.Status.PRUNED})


@dataclass(frozen=True)
class Trip:
    """Why a run is stopped: `count` failures in a row of one `kind`; `error` is the first's."""

    kind: str
    count: int
    error: str

    def message(self, planned: int) -> str:
        """What is told to the user, of a run of `planned` experiments."""
        in_a_row = " in a row" if self.count > 1 else ""
        return (
            f"{self.count} of {planned} experiments failed{in_a_row} ({words.cause(self.kind)}) and"
            " nothing was measured, so the run was stopped: the rest would fail too. Mend the"
            f" cause and start the task again. It is this: {self.error}"
        )


def failures_needed(kind: str) -> int:
    """Failures in a row of this kind at which a run without a measurement is stopped."""
    if kind in WHATEVER_THE_FLAGS:
        return 1
    if kind in WHATEVER_THE_CONFIGURATION:
        return 2
    return 6 if kind in BY_CONFIGURATION else 3


def trip(experiments: Sequence[Experiment]) -> Trip | None:
    """Whether the run of these, in the order of their numbers, is to be stopped; None if not."""
    if any(e.current_status in MEASURED for e in experiments):
        return None
    failed = [e for e in experiments if e.status == Experiment.Status.FAILED]
    if not failed:
        return None
    kind = failed[-1].error_kind
    alike = list(takewhile(lambda e: e.error_kind == kind, reversed(failed)))
    needed = failures_needed(kind)
    different = {configuration_key(e.parameters) for e in alike}
    if not kind or len(alike) < needed or len(different) < min(needed, 2):
        return None
    return Trip(kind, len(alike), alike[-1].error)
