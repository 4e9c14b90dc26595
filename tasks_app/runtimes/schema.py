"""What a runtime file says: how to start an engine, and which flags it knows."""

import re
import sys
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tasks_app.expressions import Expression, ExpressionError, Scalar
from tasks_app.flags import FlagName, check_scalar
from tasks_app.validation import refusal, shown, wrong_type

PLACEHOLDERS = ("model_path", "served_model_name", "host", "port", "devices")
_PLACEHOLDER = re.compile(r"\{(\w*)\}", re.ASCII)
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)

FlagType = Literal["int", "float", "bool", "str", "any"]
Effect = Literal["throughput", "latency", "ttft", "tpot", "memory", "startup", "quality"]
_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def _negation(value: object) -> object:
    # A YAML 1.1 writer takes the word for false.
    return "no" if value is False else value


class Flag(BaseModel):
    """One flag of the catalogue.

    `default` documents what the engine does when the flag is left out (null: it decides by
    itself, `help` says how); `values`, `low` and `high` are what the engine accepts.
    """

    model_config = _STRICT

    type: FlagType
    default: Annotated[Scalar, BeforeValidator(check_scalar)] = None
    values: list[Annotated[Scalar, BeforeValidator(check_scalar)]] | None = Field(
        default=None, min_length=1
    )
    low: int | float | None = Field(default=None, allow_inf_nan=False)
    high: int | float | None = Field(default=None, allow_inf_nan=False)
    negation: Annotated[Literal["no"] | None, BeforeValidator(_negation)] = None
    help: str = ""
    moves: list[Effect] = Field(default_factory=list)

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


def _argument(text: str) -> str:
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            known = " ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
            raise refusal(f"unknown placeholder {{{name}}}", f"there are {known}")
    if "\0" in text:
        raise refusal("must not hold a NUL character")
    return text


def _device_expression(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        try:
            Expression.parse(value)
        except ExpressionError as error:
            raise refusal(f"is not an expression: {error}") from error
    return value


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise refusal(f"{name!r} is not the name of an environment variable")
        if "\0" in text:
            raise refusal(f"the value of {name} must not hold a NUL character")
    return value


Argument = Annotated[str, AfterValidator(_argument)]


class Runtime(BaseModel):
    """An engine as data.

    `model_format` is set where the engine loads nothing else, `closed` where it refuses every flag
    that is not listed here.
    """

    model_config = _STRICT

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")
    command: list[Argument] = Field(min_length=1)
    image: str | None = None
    entrypoint: list[Argument] = Field(default_factory=list)
    genai_bench_backend: Literal["openai", "vllm", "sglang"]
    health_path: str = Field(default="/health", pattern=r"^/[!-~]*$")
    flag_style: Literal["gnu"] = "gnu"
    devices: Annotated[str, BeforeValidator(_device_expression)] = "1"
    environment: Annotated[dict[str, str], AfterValidator(_variables)] = Field(default_factory=dict)
    model_format: Literal["gguf"] | None = None
    closed: bool = False
    flags: dict[FlagName, Flag] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_usable(self) -> "Runtime":
        if not any("{port}" in argument for argument in self.command):
            raise refusal("the command has no {port}: the engine must listen where it is told to")
        for name in Expression.parse(self.devices).names:
            flag = self.flags.get(name)
            if flag is None:
                raise refusal(f"devices names {name!r}, which is not among the flags")
            if flag.default is None:
                raise refusal(f"devices names {name!r}, which needs a default")
        for name in self.flags:
            if name in self.reserved_flags:
                raise refusal(f"the flag {name!r} is set by the command already")
        return self

    @property
    def reserved_flags(self) -> frozenset[str]:
        """Flags that the command sets itself, so that no task may."""
        return frozenset(
            argument[2:].partition("=")[0] for argument in self.command if argument[:2] == "--"
        )

    def command_line(
        self,
        parameters: Mapping[str, Scalar],
        *,
        model_path: str,
        served_model_name: str,
        host: str,
        port: int,
        devices: int | str | None = None,
        python: str | None = sys.executable,
    ) -> list[str]:
        """The argument list that starts the engine with `parameters`, in their order.

        `devices` is how many GPUs the configuration has; left out, `device_count` says.
        A command that starts with `python` is started with this site's own interpreter;
        `python=None` leaves the word alone, for a container.
        """
        count = self.device_count(parameters) if devices is None else devices
        filled = {
            "model_path": model_path,
            "served_model_name": served_model_name,
            "host": host,
            "port": str(port),
            "devices": str(count),
        }
        arguments = [_PLACEHOLDER.sub(lambda m: filled[m[1]], part) for part in self.command]
        if python is not None and self.command[0] == "python":
            arguments[0] = python
        return arguments + self.flag_arguments(parameters)

    def flag_arguments(self, parameters: Mapping[str, Scalar]) -> list[str]:
        """`--name value`; true is `--name`; false is left out, or `--no-name` where the
        catalogue says so; null is left out."""
        arguments: list[str] = []
        for name, value in parameters.items():
            match value:
                case None:
                    continue
                case True:
                    arguments.append(f"--{name}")
                case False:
                    flag = self.flags.get(name)
                    if flag is not None and flag.negation is not None:
                        arguments.append(f"--{flag.negation}-{name}")
                case _:
                    arguments += [f"--{name}", str(value)]
        return arguments

    def device_count(self, parameters: Mapping[str, Scalar]) -> int:
        """How many GPUs a configuration takes; 0 for a CPU engine.

        Raises ExpressionError where the expression gives no such number.
        """
        count = Expression.parse(self.devices).evaluate(self.with_defaults(parameters))
        if isinstance(count, bool) or not isinstance(count, int | float) or count != int(count):
            raise ExpressionError(f"devices {self.devices!r} gives {shown(count)}, not a count")
        if count < 0:
            raise ExpressionError(f"devices {self.devices!r} gives {count}")
        return int(count)

    def with_defaults(self, parameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """`parameters` and, for every flag they leave out, its documented default (or null)."""
        values: dict[str, Scalar] = {name: flag.default for name, flag in self.flags.items()}
        values.update({name: value for name, value in parameters.items() if value is not None})
        for name in parameters:
            values.setdefault(name, None)
        return values

    @property
    def defaults(self) -> dict[str, Scalar]:
        return {name: flag.default for name, flag in self.flags.items()}
