"""The section of a task file about what a configuration must still answer."""

from pydantic import BaseModel, Field

from tasks_app.spec_sections import STRICT


class Quality(BaseModel):
    """Whether a configuration answers as the default does.

    `check`: compare greedy answers with the baseline's; null: where the task searches a flag that
    changes the precision. `prompts` answers of at most `max_tokens` tokens are compared. An
    experiment whose share of tokens that agree is below `min_token_agreement` is infeasible.
    """

    model_config = STRICT

    check: bool | None = None
    prompts: int = Field(default=16, ge=1, le=1_000)
    max_tokens: int = Field(default=64, ge=1, le=4_096)
    min_token_agreement: float = Field(default=0.9, ge=0, le=1)
