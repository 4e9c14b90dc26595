"""The task file as one schema: what a tuning task may say, and what it then means.

`validate_spec` is the way in for everything that a user wrote: it checks the document by
itself (`TaskSpec`) and against the installed engines (`spec_checks`), and reports all
problems at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from tasks_app import spec_checks, spec_datasets, spec_deployment_checks, spec_flags, spec_gpus
from tasks_app.conditions import conditions_of
from tasks_app.expressions import MAX_LENGTH, Constraint, ExpressionError, Scalar
from tasks_app.images import check_image, check_tag
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.runtimes.schema import Runtime
from tasks_app.space import SearchSpace
from tasks_app.spec_cost import Cost
from tasks_app.spec_deployment import Access, Container, Environment, Readiness
from tasks_app.spec_parameters import FixedParameters, Parameters
from tasks_app.spec_quality import Quality
from tasks_app.spec_sections import (
    DEFAULT_ERROR_RATE,
    LATENCY_METRICS,
    STRICT,
    Argument,
    Benchmark,
    Line,
    Model,
    Optimization,
    Slo,
    SloBound,
    check_prose,
)
from tasks_app.validation import problems_of, refusal, shown

__all__ = ["Point", "Problem", "SloBound", "SpecError", "TaskSpec", "validate_spec"]


@dataclass(frozen=True)
class Point:
    """What is measured once per repeat: one traffic scenario at one concurrency."""

    scenario: str
    concurrency: int


def _constraint(text: str) -> str:
    try:
        Constraint.parse(text)
    except ExpressionError as error:
        raise refusal(f"{shown(text)}: {error}") from error
    return text


class TaskSpec(BaseModel):
    """A task file. Every key with its default; `to_data()` gives them back in this order."""

    model_config = STRICT

    task_name: Annotated[Line, Field(max_length=200)]
    description: Annotated[str, AfterValidator(check_prose), Field(max_length=10_000)] = ""
    deployment_mode: Literal["docker", "local"] = "docker"
    base_runtime: Annotated[Line, Field(max_length=100)]
    runtime_image_tag: Annotated[str, AfterValidator(check_tag)] | None = None
    runtime_image: Annotated[Argument, AfterValidator(check_image)] | None = None
    model: Model
    parameters: Annotated[Parameters, Field(min_length=1, max_length=100)]
    fixed_parameters: Annotated[FixedParameters, Field(max_length=200)] = Field(
        default_factory=dict
    )
    constraints: Annotated[
        list[Annotated[str, Field(max_length=MAX_LENGTH), AfterValidator(_constraint)]],
        Field(max_length=100),
    ] = Field(default_factory=list)
    optimization: Optimization = Field(default_factory=Optimization)
    slo: Slo = Field(default_factory=dict)
    benchmark: Benchmark = Field(default_factory=Benchmark)
    environment: Environment = Field(default_factory=dict, repr=False)
    use_gpus: bool = True
    container: Container = Field(default_factory=Container)
    readiness: Readiness = Field(default_factory=Readiness)
    access: Access = Field(default_factory=Access)
    quality: Quality = Field(default_factory=Quality)
    cost: Cost = Field(default_factory=Cost)

    @classmethod
    def from_data(cls, data: object) -> Self:
        """The document by itself, without a look at the installed engines. Raises SpecError."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise SpecError(problems_of(error, cls)) from error

    def to_data(self) -> dict[str, Any]:
        """Plain data, every key, in the task file's order."""
        return self.model_dump(mode="python")

    @property
    def served_model_name(self) -> str:
        """The name under which the engine serves the model and the benchmark asks for it."""
        return self.benchmark.model_name or self.model.last_segment

    @property
    def tokenizer(self) -> str:
        """Where the benchmark takes the tokenizer from."""
        return self.benchmark.model_tokenizer or self.model.id_or_path

    @property
    def max_error_rate(self) -> float:
        return float(self.slo.get("error_rate", DEFAULT_ERROR_RATE))

    def slo_bounds(self) -> tuple[SloBound, ...]:
        """The latency bounds of the SLO, in its order."""
        bounds = []
        for key, limit_s in self.slo.items():
            metric, _, rest = key.partition("_")
            if metric in LATENCY_METRICS:
                bounds.append(SloBound(key, metric, rest.removesuffix("_s"), float(limit_s)))
        return tuple(bounds)

    def points(self) -> list[Point]:
        """Every (scenario, concurrency) that is given, scenario by scenario; none where the
        concurrency is found."""
        return [
            Point(scenario, concurrency)
            for scenario in self.benchmark.traffic_scenarios
            for concurrency in self.benchmark.given_concurrencies
        ]

    def baseline_parameters(self) -> dict[str, Scalar]:
        """Flags of experiment 0: the runtime's defaults plus the fixed parameters."""
        return dict(self.fixed_parameters)

    def experiment_parameters(self, configuration: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """All flags of an experiment that tries `configuration`: the fixed ones come first."""
        return {**self.fixed_parameters, **configuration}

    def parsed_constraints(self) -> tuple[Constraint, ...]:
        return tuple(Constraint.parse(text) for text in self.constraints)

    def search_space(self, gpus: int | None = None, runtime: Runtime | None = None) -> SearchSpace:
        """Every configuration that may be tried on a machine with `gpus` GPUs.

        Besides the task's own constraints, a configuration must not take more GPUs than there
        are, unless `use_gpus` is off. With `gpus` unknown (None), constraints that name it are
        left out. `runtime` gives the defaults of flags that a constraint names and nothing sets;
        without it they are null, and what depends on them holds.
        """
        constraints = list(self.parsed_constraints())
        context: dict[str, Scalar] = {}
        defaults: dict[str, Scalar] = {}
        if runtime is not None:
            context.update(runtime.defaults)
            defaults = {
                name: flag.default
                for name, flag in runtime.flags.items()
                if name in self.parameters and flag.default is not None
            }
            if self.use_gpus and runtime.devices != "0":
                constraints.append(Constraint.parse(f"({runtime.devices}) <= gpus"))
        context.update(
            {name: value for name, value in self.fixed_parameters.items() if value is not None}
        )
        if gpus is None:
            constraints = [c for c in constraints if "gpus" not in c.names]
        else:
            context["gpus"] = gpus
        expressions = [*constraints, *conditions_of(self.parameters).values()]
        named = {name for expression in expressions for name in expression.names}
        needed = {name: context.get(name) for name in sorted(named - self.parameters.keys())}
        return SearchSpace(dict(self.parameters), tuple(constraints), needed, defaults)


def validate_spec(
    data: object, *, catalogue: RuntimeCatalogue, gpus: int | None = None
) -> tuple[TaskSpec, list[Problem]]:
    """Check a task document completely; returns the spec and warnings.

    `gpus`: how many a configuration can have on the machine that is to run it; too few of them
    is a warning, for the task may be run elsewhere. Raises SpecError with every problem found.
    """
    problems: list[Problem] = []
    try:
        spec = TaskSpec.from_data(data)
    except SpecError as error:
        found = [*error.problems, *spec_flags.flag_problems_in(data, catalogue)[0]]
        raise SpecError(_without_repeats(found)) from error
    flag_problems, warnings = spec_flags.flag_problems(
        spec.base_runtime, spec.parameters, spec.fixed_parameters, catalogue
    )
    problems += flag_problems
    problems += spec_deployment_checks.deployment_problems(spec, catalogue)
    runtime = catalogue.find(spec.base_runtime)
    problems += spec_checks.constraint_problems(spec, catalogue)
    problems += spec_checks.scenario_problems(spec)
    problems += spec_checks.load_problems(spec)
    problems += spec_datasets.dataset_problems(spec)
    if not problems:
        problems += spec_checks.space_problems(spec, spec.search_space(None, runtime))
    if problems:
        raise SpecError(_without_repeats(problems))
    if gpus is not None and runtime is not None:
        warnings += spec_gpus.gpu_warnings(spec, runtime, gpus)
    warnings += spec_deployment_checks.advice(spec)
    return spec, [*warnings, *spec_checks.advice(spec)]


def _without_repeats(problems: Sequence[Problem]) -> list[Problem]:
    return list({(p.path, p.message): p for p in problems}.values())
