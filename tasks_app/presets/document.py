"""What a preset may say: the schema of the preset file, for the form and the import too."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from tasks_app import spec_flags
from tasks_app.flags import FlagName
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.spec_parameters import FixedParameters, Parameters
from tasks_app.spec_sections import STRICT, Line, check_prose
from tasks_app.validation import problems_of, refusal, shown

Prose = Annotated[str, AfterValidator(check_prose)]


def _notes(value: object) -> object:
    if value is None:
        return {}
    if isinstance(value, list):
        raise refusal("must be a mapping of flag names, not a list", "write flag-name: why")
    return value


class PresetDocument(BaseModel):
    """A preset file. `notes` says of a flag why it is there, and why with these values."""

    model_config = STRICT

    name: Annotated[Line, Field(max_length=100)]
    base_runtime: Annotated[Line, Field(max_length=100)]
    description: Annotated[Prose, Field(max_length=10_000)] = ""
    parameters: Annotated[Parameters, Field(max_length=100)] = Field(default_factory=dict)
    fixed_parameters: Annotated[FixedParameters, Field(max_length=200)] = Field(
        default_factory=dict
    )
    notes: Annotated[
        dict[FlagName, Annotated[Prose, Field(max_length=2_000)]],
        BeforeValidator(_notes),
        Field(max_length=300),
    ] = Field(default_factory=dict)

    @classmethod
    def from_data(cls, data: object) -> Self:
        """The document by itself, without a look at the engine. Raises SpecError."""
        if isinstance(data, Mapping) and "task_name" in data:
            raise SpecError([
                Problem("", "this is a task file, not a preset", "make the task of it, then "
                        "choose Save as preset on its page")
            ])  # fmt: skip
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise SpecError(problems_of(error, cls)) from error

    def to_data(self) -> dict[str, Any]:
        return self.model_dump(mode="python")


def check_preset(
    data: object, *, catalogue: RuntimeCatalogue
) -> tuple[PresetDocument, list[Problem]]:
    """Check a preset completely, its flags against its runtime; returns it and warnings.

    Raises SpecError with every problem found.
    """
    try:
        preset = PresetDocument.from_data(data)
    except SpecError as error:
        found = [*error.problems, *spec_flags.flag_problems_in(data, catalogue)[0]]
        raise SpecError(list({(p.path, p.message): p for p in found}.values())) from error
    if broken := catalogue.broken.get(preset.base_runtime):
        raise SpecError([Problem("base_runtime", str(broken))])
    problems, warnings = spec_flags.flag_problems(
        preset.base_runtime, preset.parameters, preset.fixed_parameters, catalogue
    )
    if not preset.parameters and not preset.fixed_parameters:
        problems.append(Problem("parameters", "the preset sets no flag", "write at least one"))
    named = {*preset.parameters, *preset.fixed_parameters}
    problems += [
        Problem(f"notes.{flag}", f"{shown(flag)} is no flag of this preset", "leave it out")
        for flag in preset.notes
        if flag not in named
    ]
    if problems:
        raise SpecError(problems)
    return preset, warnings
