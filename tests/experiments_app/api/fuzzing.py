"""Made-up calls by schemathesis, from the OpenAPI document of a site that runs.

For the test, which sends a few, and for `benchmarks/api_fuzz.py`, which sends many.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi import checks as of_openapi

from experiments_app.api.examples import TASK_FILE

CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    of_openapi.status_code_conformance,
    of_openapi.content_type_conformance,
    of_openapi.response_headers_conformance,
    of_openapi.response_schema_conformance,
]
"""A body that fits the schema may still be refused: a schema cannot say which flags an engine has.
So it is not asked whether all that fits is taken."""
WRITES_A_TASK = {"POST /api/v1/tasks", "PUT /api/v1/tasks/{task_id}"}
NEGATIVE = [*CHECKS, of_openapi.negative_data_rejection]
TIMEOUT_S = 30


@dataclass
class Found:
    """`answers`: by operation and status. `faults`: what a check had against an answer."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(self.answers.values())

    def add(self, other: "Found") -> None:
        self.answers += other.answers
        self.faults += other.faults

    def by_status(self) -> dict[int, int]:
        statuses: Counter[int] = Counter()
        for (_, status), count in self.answers.items():
            statuses[status] += count
        return dict(sorted(statuses.items()))


def fuzz(
    site: str,
    token: str,
    examples: int,
    known: dict[str, list[int]],
    *,
    round_: int = 0,
    only: str = "",
) -> Found:
    """`examples` calls of each operation by each mode. `known`: numbers that exist, by the name of
    the path's parameter, so that not every call leads to nothing. Another `round_` makes up other
    calls. `only`: a pattern of the operations, each as `GET /api/v1/tasks/{task_id}/report`."""
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(
        f"{site}/api/v1/openapi.json", headers=headers, timeout=60
    )
    found = Found()
    with requests.Session() as session:
        results: Any = schema.get_all_operations()
        operations = [one for result in results if re.search(only, (one := result.ok()).label)]
        for operation in sorted(operations, key=lambda one: one.method.lower() == "delete"):
            for mode in GenerationMode:
                call = _caller(found, session, headers, mode)
                _send(operation, mode, examples, known, call, round_)
    return found


def _send(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    known: dict[str, list[int]],
    call: Callable[[Any, int], None],
    round_: int,
) -> None:
    numbers = iter(range(round_ * 1_000, 10**9))

    @seed(round_)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        number = next(numbers)
        if mode is GenerationMode.POSITIVE and number % 2 == 0:  # every second one hits
            _aim(case, number // 2, known)
        call(case, number)

    try:
        send()
    except schemathesis.errors.InvalidSchema:
        raise
    except Exception as error:
        if "Unsatisfiable" not in type(error).__name__:
            raise


def _aim(case: Any, number: int, known: dict[str, list[int]]) -> None:
    """At what there is; every second whole task is one that can be run."""
    for name, values in known.items():
        if name in (case.path_parameters or {}) and values:
            case.path_parameters[name] = values[number % len(values)]
    if case.operation.label in WRITES_A_TASK and number % 2 == 0:
        case.body = TASK_FILE | {"task_name": f"{case.method} {number}"}
        case.headers["If-Match"] = "*"


def _caller(
    found: Found, session: requests.Session, headers: dict[str, str], mode: GenerationMode
) -> Callable[[Any, int], None]:
    checks = CHECKS if mode is GenerationMode.POSITIVE else NEGATIVE

    def call(case: Any, number: int) -> None:
        response = case.call(session=session, headers=headers, timeout=TIMEOUT_S)
        found.answers[case.operation.label, response.status_code] += 1
        try:
            case.validate_response(response, checks=checks, headers=headers)
        except BaseExceptionGroup as errors:
            told = "; ".join(str(error)[:600] for error in errors.exceptions)
            found.faults.append(f"{case.operation.label} {response.status_code}: {told}")
        except AssertionError as error:
            found.faults.append(f"{case.operation.label} {response.status_code}: {error}"[:900])

    return call
