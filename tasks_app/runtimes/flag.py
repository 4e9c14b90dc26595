"""What a runtime file says of one flag."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tasks_app.expressions import Scalar
from tasks_app.flags import FlagName, check_scalar
from tasks_app.validation import refusal, shown, wrong_type

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)

FlagType = Literal["int", "float", "bool", "str", "any"]
Effect = Literal["throughput", "latency", "ttft", "tpot", "memory", "startup", "quality"]
_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def _negation(value: object) -> object:
    # A YAML 1.1 writer takes the word for false.
    return "no" if value is False else value


class Flag(BaseModel):
    """One flag of the catalogue.

    `default` documents what the engine does when the flag is left out (null: it decides by
    itself, `help` says how); `values`, `low` and `high` are what the engine accepts. `aliases`
    are other names that the engine has for it: a task writes the one name that counts. `changes`:
    the engine calculates less or more exactly with it, so that its answers may be others.
    """

    model_config = STRICT

    type: FlagType
    default: Annotated[Scalar, BeforeValidator(check_scalar)] = None
    values: list[Annotated[Scalar, BeforeValidator(check_scalar)]] | None = Field(
        default=None, min_length=1
    )
    low: int | float | None = Field(default=None, allow_inf_nan=False)
    high: int | float | None = Field(default=None, allow_inf_nan=False)
    negation: Annotated[Literal["no"] | None, BeforeValidator(_negation)] = None
    aliases: list[FlagName] = Field(default_factory=list)
    help: str = ""
    moves: list[Effect] = Field(default_factory=list)
    changes: Literal["precision"] | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> "Flag":
        if self.negation is not None and self.type != "bool":
            raise refusal("negation is for flags of type bool")
        if (self.low is not None or self.high is not None) and self.type not in {"int", "float"}:
            raise refusal("low and high are for flags of type int or float")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise refusal(f"low {self.low} is above high {self.high}")
        for value in self.values or ():
            if problem := self.problem_with(value):
                raise refusal(f"the value {shown(value)} {problem[0]}", problem[1])
        if problem := self.problem_with(self.default):
            raise refusal(f"the default {shown(self.default)} {problem[0]}", problem[1])
        return self

    def problem_with(self, value: Scalar) -> tuple[str, str] | None:
        """Why the engine does not take `value` (message, suggestion); None where it does.

        Null is always fine: the flag is left out.
        """
        if value is None:
            return None
        if not self._has_type(value):
            return wrong_type(value, _WORDS[self.type])
        if self.values is not None and not any(
            isinstance(known, bool) == isinstance(value, bool) and known == value
            for known in self.values
        ):
            return f"must be one of {', '.join(map(shown, self.values))}, not {shown(value)}", ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.low is not None and value < self.low:
                return f"must be at least {self.low}, not {value}", ""
            if self.high is not None and value > self.high:
                return f"must be at most {self.high}, not {value}", ""
        return None

    def _has_type(self, value: Scalar) -> bool:
        match self.type:
            case "int":
                return isinstance(value, int) and not isinstance(value, bool)
            case "float":
                return isinstance(value, int | float) and not isinstance(value, bool)
            case "bool":
                return isinstance(value, bool)
            case "str":
                return isinstance(value, str)
            case _:
                return True
