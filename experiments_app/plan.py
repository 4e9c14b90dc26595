"""What a run of a spec would do, told before it starts."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from statistics import fmean
from typing import Any

from django.conf import settings

from experiments_app import scheduler, words
from experiments_app.final_progress import final_share
from experiments_app.gpu_demand import gpus_of
from experiments_app.launch_plan import find_model, launch_problems, plan_launch
from experiments_app.models import Experiment
from experiments_app.pace import past_mean_s, past_range_s
from tasks_app.expressions import ExpressionError
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import RuntimeFileError
from tasks_app.spec import TaskSpec

SHOWN_COMMANDS = 4
LOOKED_AT = 200
"""Configurations that are asked how many GPUs they take."""


@dataclass(frozen=True)
class Plan:
    """`configurations` is None for an endless space, `measurements` where the load is found;
    `estimated_s` without past experiments.

    `estimated_range_s`: what nine of ten such runs stay within. `gpus` is what an experiment takes
    on average, `gpu_hours` what the run does.
    """

    task: str
    configurations: int | None
    experiments: int
    measurements: int | None
    estimated_s: float | None
    commands: list[list[str]]
    estimated_range_s: tuple[float, float] | None = None
    gpus: float = 0.0

    @property
    def gpu_hours(self) -> float | None:
        return None if self.estimated_s is None else self.estimated_s * self.gpus / 3600

    @property
    def measurements_in_words(self) -> str:
        if self.measurements is None:
            return "as many as the search for the load of each takes"
        return str(self.measurements)

    @property
    def estimate(self) -> str:
        if self.estimated_s is None:
            return "unknown: no experiment of this runtime and load has been run here yet"
        about = f"about {timedelta(seconds=round(self.estimated_s))}"
        if self.estimated_range_s is None:
            return about
        low, high = (timedelta(seconds=round(bound)) for bound in self.estimated_range_s)
        return f"{about}, in nine of ten cases {low} to {high}"

    def to_data(self) -> dict[str, Any]:
        return asdict(self) | {"gpu_hours": self.gpu_hours}


def make_plan(spec: TaskSpec) -> Plan:
    """Raises SpecError where this site cannot start the task's server."""
    if problems := launch_problems(spec):
        raise SpecError(problems)
    experiments = scheduler.planned_experiments(spec)
    return Plan(
        task=spec.task_name,
        configurations=scheduler.search_space(spec).size(),
        experiments=experiments,
        measurements=None if spec.benchmark.finds_concurrency else experiments * len(spec.points()),
        estimated_s=estimated_s(spec, experiments),
        commands=first_commands(spec, SHOWN_COMMANDS),
        estimated_range_s=estimated_range_s(spec, experiments),
        gpus=mean_gpus(spec),
    )


def accepted_report(plan: Plan, warnings: Iterable[Problem]) -> dict[str, Any]:
    """What `validate --json` prints of a task that can be run."""
    found = [warning.to_data() for warning in warnings]
    return {"valid": True, "problems": [], "warnings": found} | plan.to_data()


def refused_report(error: SpecError) -> dict[str, Any]:
    problems = [problem.to_data() for problem in error.problems]
    return {"valid": False, "problems": problems, "warnings": []}


def mean_gpus(spec: TaskSpec) -> float:
    """GPUs that an experiment takes, over the first configurations of the space; 0 on the CPU."""
    if not spec.use_gpus:
        return 0.0
    space = scheduler.search_space(spec)
    listed = islice(space.configurations(max_steps=LOOKED_AT), LOOKED_AT) if space.is_finite else ()
    try:
        taken = [gpus_of(spec, spec.experiment_parameters(one)) for one in listed]
        return fmean(taken or [gpus_of(spec, spec.baseline_parameters())])
    except (RuntimeFileError, ExpressionError):
        return 0.0


def plan_facts(spec: TaskSpec, experiments: int) -> list[tuple[str, str]]:
    """The plan in words, for the page of a task that was not started."""
    found = estimated_s(spec, experiments)
    facts = [("Experiments", f"{experiments}, the baseline included")]
    if found is None:
        facts.append(("Time", "not known: nothing like it was measured here yet"))
        return facts
    time = f"about {words.duration(found)}"
    if (bounds := estimated_range_s(spec, experiments)) is not None:
        low, high = map(words.duration, bounds)
        time += f", in nine of ten cases {low} to {high}" if low != high else ""
    facts.append(("Time", f"{time}, the final included" if spec.optimization.confirm else time))
    if gpus := mean_gpus(spec):
        facts.append(("GPU hours", f"about {found * gpus / 3600:.3g}"))
    return facts


def first_commands(spec: TaskSpec, count: int) -> list[list[str]]:
    """The command lines of the baseline and the first proposals, as if each failed.

    Raises what `find_model` and `plan_launch` raise.
    """
    experiments: list[Experiment] = []
    commands: list[list[str]] = []
    model = find_model(spec)
    for number in range(count):
        proposal = scheduler.next_proposal(spec, experiments)
        if proposal is None:
            break
        parameters = proposal.configuration
        plan = plan_launch(spec, parameters, model, settings.PORT_RANGE[0])
        commands.append(plan.command)
        experiments.append(
            Experiment(number=number, parameters=parameters, status=Experiment.Status.FAILED)
        )
    return commands


def estimated_s(spec: TaskSpec, experiments: int) -> float | None:
    """At the mean pace of this site's successes with the same runtime, model and load, with all
    that the final may take."""
    mean_s = past_mean_s(spec)
    if mean_s is None:
        return None
    return mean_s * _measured(spec, experiments) * (1 + final_share(spec.optimization))


def estimated_range_s(spec: TaskSpec, experiments: int) -> tuple[float, float] | None:
    """What nine of ten such runs stay within, from no final to one that takes all it may."""
    bounds = past_range_s(spec, _measured(spec, experiments))
    if bounds is None:
        return None
    return bounds[0], bounds[1] * (1 + final_share(spec.optimization))


def _measured(spec: TaskSpec, experiments: int) -> int:
    """Experiments, and what measures the default again to notice drift."""
    every = spec.optimization.drift_check_every
    return experiments + ((experiments - 1) // every if every else 0)
