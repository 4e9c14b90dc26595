"""What a run of a spec would do, told before it starts."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings

from experiments_app import scheduler
from experiments_app.launch_plan import find_model, launch_problems, plan_launch
from experiments_app.models import Experiment
from experiments_app.pace import past_mean_s
from tasks_app.problems import SpecError
from tasks_app.spec import TaskSpec

SHOWN_COMMANDS = 4


@dataclass(frozen=True)
class Plan:
    """`configurations` is None for an endless space, `measurements` where the load is found;
    `estimated_s` without past experiments."""

    task: str
    configurations: int | None
    experiments: int
    measurements: int | None
    estimated_s: float | None
    commands: list[list[str]]

    @property
    def measurements_in_words(self) -> str:
        if self.measurements is None:
            return "as many as the search for the load of each takes"
        return str(self.measurements)

    @property
    def estimate(self) -> str:
        if self.estimated_s is None:
            return "unknown: no experiment of this runtime and load has been run here yet"
        return f"about {timedelta(seconds=round(self.estimated_s))}"

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


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
    )


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
    """At the mean pace of this site's successes with the same runtime, model and load."""
    mean_s = past_mean_s(spec)
    return None if mean_s is None else mean_s * experiments
