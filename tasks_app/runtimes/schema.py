"""What a runtime file says: how to start an engine, and which flags it knows."""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from tasks_app.expressions import Expression, ExpressionError, Scalar
from tasks_app.flags import FlagName
from tasks_app.runtimes.flag import STRICT, Flag
from tasks_app.runtimes.repair import Repair
from tasks_app.validation import refusal, shown

PLACEHOLDERS = ("model_path", "served_model_name", "host", "port", "devices")
_PLACEHOLDER = re.compile(r"\{(\w*)\}", re.ASCII)


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


def _filled(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], part) for part in command]


Argument = Annotated[str, AfterValidator(_argument)]


class Runtime(BaseModel):
    """An engine as data.

    `container_command` is used in a container where it differs from `command`. `entrypoint`
    replaces the image's own there, and the command follows it; a command that starts with these
    very words has them once. `model_format` is set where the engine loads nothing else, `closed`
    where it refuses every flag that is not listed here. `made_from` says which version the
    catalogue was made from; `other_flags` are that version's real flags that are not described
    (`no-` forms included), `refused_flags` those that a task may not set, each with the reason.
    `repairs`: what to change where a configuration failed; the first that can be done is tried.
    `json_keys`: a flag that takes a JSON object can be given key by key, as `--name.key value`.
    """

    model_config = STRICT

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")
    command: list[Argument] = Field(min_length=1)
    container_command: list[Argument] = Field(default_factory=list)
    image: str | None = None
    entrypoint: list[Argument] = Field(default_factory=list)
    genai_bench_backend: Literal["openai", "vllm", "sglang"]
    health_path: str = Field(default="/health", pattern=r"^/[!-~]*$")
    flag_style: Literal["gnu"] = "gnu"
    devices: Annotated[str, BeforeValidator(_device_expression)] = "1"
    environment: Annotated[dict[str, str], AfterValidator(_variables)] = Field(default_factory=dict)
    model_format: Literal["gguf"] | None = None
    closed: bool = False
    json_keys: bool = False
    made_from: str = ""
    flags: dict[FlagName, Flag] = Field(default_factory=dict)
    other_flags: list[FlagName] = Field(default_factory=list)
    refused_flags: dict[FlagName, str] = Field(default_factory=dict)
    repairs: list[Repair] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_usable(self) -> "Runtime":
        for command in filter(None, (self.command, self.container_command)):
            if not any("{port}" in argument for argument in command):
                raise refusal(
                    "the command has no {port}: the engine must listen where it is told to"
                )
        for name in Expression.parse(self.devices).names:
            flag = self.flags.get(name)
            if flag is None:
                raise refusal(f"devices names {name!r}, which is not among the flags")
            if flag.default is None:
                raise refusal(f"devices names {name!r}, which needs a default")
        seen: set[str] = set()
        aliases = (alias for flag in self.flags.values() for alias in flag.aliases)
        for name in (*self.flags, *aliases, *self.other_flags, *self.refused_flags):
            if name in self.reserved_flags:
                raise refusal(f"the flag {name!r} is set by the command already")
            if name in seen:
                raise refusal(f"the flag {name!r} stands in two places")
            seen.add(name)
        return self

    @model_validator(mode="after")
    def _can_repair(self) -> "Runtime":
        for repair in self.repairs:
            if repair.flag not in self.flags:
                raise refusal(f"repairs names {repair.flag!r}, which is not among the flags")
            if self.flags[repair.flag].type not in {"int", "float"}:
                raise refusal(f"repairs names {repair.flag!r}, which is no number")
        return self

    @property
    def aliases(self) -> dict[str, str]:
        """Other names of the engine's flags, each with the name under which it stands here."""
        return {alias: name for name, flag in self.flags.items() for alias in flag.aliases}

    def is_json_key(self, name: str) -> bool:
        """Whether `name` is a key of a known flag's JSON object, as `flag.key`."""
        flag, dot, _ = name.partition(".")
        return self.json_keys and bool(dot) and (flag in self.flags or flag in self.other_flags)

    @property
    def lists_every_flag(self) -> bool:
        """Whether a flag that is not listed cannot be one of the version it was made from."""
        return self.closed or bool(self.other_flags)

    @property
    def reserved_flags(self) -> frozenset[str]:
        """Flags that the command sets itself, so that no task may."""
        return frozenset(
            argument[2:].partition("=")[0]
            for argument in (*self.command, *self.container_command)
            if argument[:2] == "--"
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
    ) -> list[str]:
        """The argument list that starts the engine here with `parameters`, in their order.

        `devices` is how many GPUs the configuration has; left out, `device_count` says.
        A command that starts with `python` is started with this site's own interpreter.
        """
        count = self.device_count(parameters) if devices is None else devices
        values = (model_path, served_model_name, host, str(port), str(count))
        filled = dict(zip(PLACEHOLDERS, values, strict=True))
        arguments = _filled(self.command, filled)
        if self.command[0] == "python":
            arguments[0] = sys.executable
        return arguments + self.flag_arguments(parameters)

    def container_command_line(
        self,
        parameters: Mapping[str, Scalar],
        *,
        model_path: str,
        served_model_name: str,
        host: str,
        port: int,
        devices: int | str | None = None,
    ) -> tuple[list[str] | None, list[str]]:
        """The words that replace the image's entry point (None: it stays), and the arguments.

        Paths, host and port as the container sees them.
        """
        count = self.device_count(parameters) if devices is None else devices
        values = (model_path, served_model_name, host, str(port), str(count))
        filled = dict(zip(PLACEHOLDERS, values, strict=True))
        command = self.container_command or self.command
        if self.entrypoint and command[: len(self.entrypoint)] == self.entrypoint:
            command = command[len(self.entrypoint) :]
        arguments = _filled(command, filled) + self.flag_arguments(parameters)
        return _filled(self.entrypoint, filled) or None, arguments

    def flag_arguments(self, parameters: Mapping[str, Scalar]) -> list[str]:
        """`--name value`; true is `--name`; false is left out, or `--no-name` where the
        catalogue says so; null is left out. A JSON key takes true and false as words."""
        arguments: list[str] = []
        for name, value in parameters.items():
            match value:
                case None:
                    continue
                case bool() if self.is_json_key(name):
                    arguments += [f"--{name}", "true" if value else "false"]
                case True:
                    arguments.append(f"--{name}")
                case False:
                    flag = self.flags.get(name)
                    if f"no-{name}" in self.other_flags or (flag and flag.negation):
                        arguments.append(f"--no-{name}")
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
