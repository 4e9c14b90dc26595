"""What the OpenAPI says of bodies that we read ourselves, with an example of each."""

from typing import Any, Final

TASK_FILE: Final[dict[str, Any]] = {
    "task_name": "smollm2 on this CPU",
    "description": "Which flags serve it best?",
    "deployment_mode": "local",
    "base_runtime": "llamacpp",
    "model": {"id_or_path": "smollm2-135m"},
    "parameters": {
        "threads": [1, 2],
        "parallel": [1, 4, 8],
        "ubatch-size": {"low": 64, "high": 512, "log": True},
    },
    "fixed_parameters": {"ctx-size": 8192},
    "optimization": {"objective": "maximize_throughput", "max_iterations": 12},
    "slo": {"ttft_p90_s": 2.0},
    "benchmark": {
        "traffic_scenarios": ["D(100,50)"],
        "num_concurrency": [1, 8],
        "max_requests_per_level": 20,
    },
}
"""A task that can be run on any machine."""
SCHEMA_NAME = "TaskFile"
_REF = {"$ref": f"#/components/schemas/{SCHEMA_NAME}"}
_ANY = {"type": "object"}


def _body(schema: dict[str, Any], example: dict[str, Any], *kinds: str) -> dict[str, Any]:
    content = {kind: {"schema": schema, "example": example} for kind in kinds}
    return {"requestBody": {"required": True, "content": content}}


TASK_BODY = _body(_REF, TASK_FILE, "application/json", "application/yaml")
UNCHECKED_BODY = _body(_ANY, TASK_FILE, "application/json", "application/yaml")
PATCH_BODY = _body(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "task_name": {"type": "string", "maxLength": 200},
            "description": {"type": "string", "maxLength": 10_000},
            "labels": {"type": "array", "maxItems": 20, "items": {"type": "string"}},
            "version": {"type": "integer", "description": "Only if it is still this one."},
        },
    },
    {"description": "for the team of chat", "labels": ["chat", "nightly"]},
    "application/json",
)
IF_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "example": '"3"',
    "description": "The version that the change is made on; `*` for whichever is stored.",
}
