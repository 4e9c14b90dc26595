"""What a runtime file says of mending a failed configuration by changing one flag."""

import math
from typing import Annotated, Literal, TypeGuard

from pydantic import AfterValidator, BaseModel, Field, model_validator

from tasks_app.expressions import Scalar
from tasks_app.flags import FlagName
from tasks_app.runtimes.flag import STRICT
from tasks_app.validation import refusal

RepairedKind = Literal["out_of_memory", "out_of_gpu_memory", "bad_flag", "time_out", "crashed"]
Number = Annotated[int | float, Field(allow_inf_nan=False)]


def _factor(value: float | None) -> float | None:
    if value is not None and (value <= 0 or value == 1):
        raise refusal(f"must be more than 0 and not 1, not {value}", "write 0.5 for half")
    return value


class Repair(BaseModel):
    """One way to mend a failure: which flag is changed how, for which kinds of failure.

    `kinds` are those of failed experiments; `says`, where given, must stand in the error's text
    (in any case). The flag's value is changed by `add` or by the factor `times`; where the flag is
    not set and has no default, or a value that is no positive number, it becomes `unset`, and
    without that the repair does not apply. `at_least` and `at_most` are where it ends.
    """

    model_config = STRICT

    kinds: list[RepairedKind] = Field(min_length=1)
    says: str = ""
    flag: FlagName
    add: Number | None = None
    times: Annotated[Number | None, AfterValidator(_factor)] = None
    unset: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _has_one_change(self) -> "Repair":
        if (self.add is None) == (self.times is None) or self.add == 0:
            raise refusal("changes the flag by add or by times", "write one of the two")
        return self

    @property
    def lowers(self) -> bool:
        return self.add < 0 if self.add is not None else (self.times or 1) < 1

    def applies_to(self, kind: str, error: str) -> bool:
        return kind in self.kinds and self.says.lower() in error.lower()

    def target(self, value: Scalar) -> float | None:
        """What becomes of `value` (null: not set, and no default is known); None where it stays."""
        if not _is_amount(value):
            return self.unset
        changed = value + self.add if self.add is not None else value * (self.times or 1)
        bounded = min(max(float(f"{changed:.6g}"), self._low), self._high)
        return bounded if self.is_change(value, bounded) else None

    def is_change(self, before: Scalar, after: Scalar) -> bool:
        """Whether `after` lies on the side of `before` where the repair looks."""
        if not _is_amount(after):
            return False
        if not _is_amount(before):
            return True
        return after < before if self.lowers else after > before

    @property
    def _low(self) -> float:
        return -math.inf if self.at_least is None else self.at_least

    @property
    def _high(self) -> float:
        return math.inf if self.at_most is None else self.at_most


def _is_amount(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
