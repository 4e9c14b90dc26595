"""Sets of flags to start a task from."""

from ninja import Query, Schema
from pydantic import BaseModel, Field

from experiments_app.api.auth import ApiRequest
from experiments_app.api.errors import ApiError
from experiments_app.api.routing import ApiRouter
from experiments_app.api.schemas import Json
from tasks_app.presets import PresetInfo, all_presets, find_preset

router = ApiRouter(tags=["presets"])


class PresetOut(BaseModel):
    """The preset file, with the `key` that names it here."""

    key: str
    name: str
    base_runtime: str
    description: str
    parameters: Json
    fixed_parameters: Json
    notes: dict[str, str]
    is_shipped: bool


class PresetList(BaseModel):
    items: list[PresetOut]


class PresetQuery(Schema):
    base_runtime: str = Field("", max_length=100, pattern=r"^[^\x00]*$")


@router.call("GET", "", answer=PresetList, errors=(422,))
def list_presets(request: ApiRequest, asked: Query[PresetQuery]) -> object:
    """List presets: those that come with Autotuner, and the site's own."""
    found = all_presets()
    if asked.base_runtime:
        found = [preset for preset in found if preset.base_runtime == asked.base_runtime]
    return {"items": [_data(preset) for preset in found]}


@router.call("GET", "/{key}", answer=PresetOut, errors=(404,))
def read_preset(request: ApiRequest, key: str) -> object:
    """Read a preset.

    Its `parameters` and `fixed_parameters` stand in a task file as they are.
    """
    preset = find_preset(key)
    if preset is None:
        raise ApiError(404, f"There is no preset {key!r}.")
    return _data(preset)


def _data(preset: PresetInfo) -> dict[str, object]:
    return {name: getattr(preset, name) for name in PresetOut.model_fields}
