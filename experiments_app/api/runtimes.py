"""Engines and what each takes: the catalogues that tasks are checked against."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from experiments_app.api.auth import ApiRequest
from experiments_app.api.errors import ApiError
from experiments_app.api.routing import ApiRouter
from experiments_app.api.schemas import Json
from tasks_app.masking import MASK, is_secret_name, mask_urls
from tasks_app.problems import did_you_mean
from tasks_app.runtimes import Runtime, site_runtimes

router = ApiRouter(tags=["runtimes"])


class RuntimeSummary(BaseModel):
    name: str
    image: str | None
    genai_bench_backend: str
    made_from: str
    num_flags: int


class BrokenRuntime(BaseModel):
    name: str
    message: str


class RuntimeList(BaseModel):
    items: list[RuntimeSummary]
    broken: list[BrokenRuntime]


class RuntimeOut(BaseModel):
    """The runtime file, as CONTRIBUTING.md describes it; secrets of its environment are masked."""

    model_config = ConfigDict(extra="allow")

    name: str
    command: list[str]
    image: str | None
    devices: str
    flags: dict[str, Json]


class FlagList(BaseModel):
    """`other_flags` are the engine's too, and not described; `refused_flags` say why not."""

    flags: dict[str, Json]
    other_flags: list[str]
    refused_flags: dict[str, str]


@router.call("GET", "", answer=RuntimeList)
def list_runtimes(request: ApiRequest) -> object:
    """List the engines that a task may name.

    `broken`: files in the site's own folder that cannot be used, and why.
    """
    catalogue = site_runtimes()
    names = ("name", "image", "genai_bench_backend", "made_from")
    return {
        "items": [
            {**{name: getattr(one, name) for name in names}, "num_flags": len(one.flags)}
            for one in catalogue
        ],
        "broken": [
            {"name": name, "message": error.message} for name, error in catalogue.broken.items()
        ],
    }


@router.call("GET", "/{name}", answer=RuntimeOut, errors=(404,))
def read_runtime(request: ApiRequest, name: str) -> object:
    """Read what an engine is: command, image, flags."""
    runtime = _runtime_or_404(name)
    found: dict[str, Any] = runtime.model_dump(mode="json")
    found["environment"] = {
        key: MASK if is_secret_name(key) else mask_urls(value)
        for key, value in runtime.environment.items()
    }
    return found


@router.call("GET", "/{name}/flags", answer=FlagList, errors=(404,))
def list_flags(request: ApiRequest, name: str) -> object:
    """List the flags of an engine: type, default, what they take and what they move."""
    found: dict[str, Any] = _runtime_or_404(name).model_dump(mode="json")
    return {key: found[key] for key in FlagList.model_fields}


def _runtime_or_404(name: str) -> Runtime:
    catalogue = site_runtimes()
    runtime = catalogue.find(name)
    if runtime is not None:
        return runtime
    if name in catalogue.broken:
        raise ApiError(404, f"The file of {name!r} is broken: {catalogue.broken[name].message}")
    raise ApiError(404, f"There is no runtime {name!r}; {did_you_mean(name, catalogue.names)}")
