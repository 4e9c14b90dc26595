"""The section of a task file about what a configuration must still answer."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, Field

from tasks_app.runtimes.schema import Runtime
from tasks_app.spec_sections import STRICT

if TYPE_CHECKING:
    from tasks_app.spec import TaskSpec

MOST_PROMPTS: Final = 32
"""As many are shipped."""


class Quality(BaseModel):
    """Whether a configuration answers as the default does.

    `check`: compare greedy answers with the baseline's; null: where the task sets or searches a
    flag that changes the precision. `prompts` answers of at most `max_tokens` tokens are compared.
    An experiment is infeasible whose share of tokens that agree is below `min_token_agreement`,
    whose share of answers that are the same is below `min_exact_match`, or whose log-probabilities
    differ by more than `max_logprob_distance` nats. No bound: 0 tokens, otherwise null.
    """

    model_config = STRICT

    check: bool | None = None
    prompts: int = Field(default=16, ge=1, le=MOST_PROMPTS)
    max_tokens: int = Field(default=64, ge=1, le=512)
    min_token_agreement: float = Field(default=0.45, ge=0, le=1)
    min_exact_match: Annotated[float, Field(ge=0, le=1)] | None = None
    max_logprob_distance: Annotated[float, Field(gt=0, le=100)] | None = None

    @property
    def bounds(self) -> dict[str, float]:
        """The figures that are bounded, `logprob_distance` from above and the others from below."""
        bounds = {
            "token_agreement": self.min_token_agreement,
            "exact_match": self.min_exact_match,
            "logprob_distance": self.max_logprob_distance,
        }
        return {name: bound for name, bound in bounds.items() if bound is not None}


def precision_flags(runtime: Runtime, names: Iterable[str]) -> list[str]:
    """Those of the named flags that change how exactly the engine calculates."""
    return [name for name in names if (flag := runtime.flags.get(name)) and flag.changes]


def checks_quality(spec: "TaskSpec", runtime: Runtime | None) -> bool:
    """Whether answers are compared."""
    if spec.quality.check is not None:
        return spec.quality.check
    named = [*spec.parameters, *spec.fixed_parameters]
    return runtime is not None and bool(precision_flags(runtime, named))
