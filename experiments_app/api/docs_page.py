"""All calls of the API on one page, made from its OpenAPI document."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from experiments_app.api.site_api import api


@dataclass(frozen=True)
class Parameter:
    name: str
    place: str
    words: str


@dataclass(frozen=True)
class Call:
    """`statuses`: each that it may answer, with the word of its kind."""

    name: str
    tag: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    statuses: tuple[tuple[str, str], ...]
    curl: str

    @property
    def changes(self) -> bool:
        return self.method != "GET"


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    calls = list(_calls(api.get_openapi_schema(), f"{request.scheme}://{request.get_host()}"))
    groups = [(tag, list(group)) for tag, group in groupby(calls, lambda call: call.tag)]
    return render(request, "experiments_app/api_docs.html", {"section": "help", "groups": groups})


def _calls(document: Mapping[str, Any], site: str) -> Iterator[Call]:
    """By subject, in the order of the routers."""
    found = [
        _call(path, method, operation, site)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    order = list(dict.fromkeys(call.tag for call in found))
    yield from sorted(found, key=lambda call: order.index(call.tag))


def _call(path: str, method: str, operation: Mapping[str, Any], site: str) -> Call:
    return Call(
        name=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=tuple(_parameter(one) for one in operation["parameters"]),
        statuses=tuple(
            (str(status), entry["description"].partition(": ")[2].strip("`"))
            for status, entry in operation["responses"].items()
        ),
        curl=_curl(path, method.upper(), operation, site),
    )


def _parameter(parameter: Mapping[str, Any]) -> Parameter:
    schema = parameter["schema"]
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = [", ".join(map(str, kind["enum"])) for kind in kinds if "enum" in kind]
    words = words or [str(kind.get("type", "")) for kind in kinds]
    if schema.get("default") not in (None, ""):
        words.append(f"default {schema['default']}")
    if parameter.get("description"):
        words.append(str(parameter["description"]))
    return Parameter(parameter["name"], parameter["in"], "; ".join(filter(None, words)))


def _curl(path: str, method: str, operation: Mapping[str, Any], site: str) -> str:
    """With the example of its body, where it has one."""
    address = path.replace("{task_id}", "7").replace("{experiment_id}", "42")
    address = address.replace("{name}", "llamacpp").replace("{section}", "gpus")
    address = address.replace("{key}", "shipped:vllm:latency")
    parts = ["curl", '-H "Authorization: Bearer $AUTOTUNER_TOKEN"']
    if method != "GET":
        parts.append(f"-X {method}")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if method == "PUT":
        parts.append("-H 'If-Match: \"3\"'")
    if "example" in body:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {shlex.quote(json.dumps(body['example']))}")
    elif body:
        parts.append("-H 'Content-Type: application/json' -d '{\"more\": 10}'")
    return " \\\n  ".join([*parts, shlex.quote(f"{site}{address}")])
