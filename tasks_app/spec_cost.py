"""The section of a task file about what the devices cost."""

from typing import Annotated

from pydantic import BaseModel, Field

from tasks_app.spec_sections import STRICT


class Cost(BaseModel):
    """`price_per_device_hour`: in `currency`; null: the site's setting, if it has one."""

    model_config = STRICT

    price_per_device_hour: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
