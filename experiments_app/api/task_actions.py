"""What is done to a task: start, pause, cancel, go on; the same as the buttons of its page do."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpResponse
from ninja import Schema
from pydantic import ConfigDict, Field

from experiments_app import lifecycle
from experiments_app.api import shapes
from experiments_app.api.auth import ApiRequest
from experiments_app.api.finding import task_or_404
from experiments_app.api.idempotency import PARAMETER, once
from experiments_app.api.routing import OF_BODIES, ApiRouter
from experiments_app.api.schemas import TaskOut
from tasks_app.models import Run

router = ApiRouter(tags=["runs"])
REFUSED = (404, 409, 422)
WITH_KEY = {"parameters": [PARAMETER]}


class More(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)

    more: int = Field(ge=1, le=lifecycle.MOST_MORE, description="Further experiments.")


@router.call("POST", "/{int:task_id}/start", answer=TaskOut, errors=REFUSED, extra=WITH_KEY)
def start_task(request: ApiRequest, response: HttpResponse, task_id: int) -> object:
    """Start the first run of a task."""
    return _begin(request, response, task_id, lifecycle.start_task)


@router.call("POST", "/{int:task_id}/restart", answer=TaskOut, errors=REFUSED, extra=WITH_KEY)
def restart_task(
    request: ApiRequest, response: HttpResponse, task_id: int, reuse: bool = True
) -> object:
    """Start a new run of a task whose last one has ended.

    Earlier runs are kept. With `reuse=false` everything is measured again.
    """
    return _begin(request, response, task_id, partial(lifecycle.restart_task, reuse=reuse))


@router.call("POST", "/{int:task_id}/cancel", answer=TaskOut, errors=(404, 409))
def cancel_task(request: ApiRequest, task_id: int) -> object:
    """End the run now; what is under way is taken down."""
    return _act(request, task_id, lifecycle.cancel_task)


@router.call("POST", "/{int:task_id}/pause", answer=TaskOut, errors=(404, 409))
def pause_task(request: ApiRequest, task_id: int) -> object:
    """Begin no further experiment; the one under way is measured to its end."""
    return _act(request, task_id, lifecycle.pause_task)


@router.call("POST", "/{int:task_id}/resume", answer=TaskOut, errors=(404, 409))
def resume_task(request: ApiRequest, task_id: int) -> object:
    """Go on with a paused run."""
    return _act(request, task_id, lifecycle.resume_task)


@router.call("POST", "/{int:task_id}/extend", answer=TaskOut, errors=(404, 409, *OF_BODIES))
def extend_task(request: ApiRequest, task_id: int, body: More) -> object:
    """Go on with the run that has ended, for so many more experiments."""
    return _act(request, task_id, partial(lifecycle.extend_task, more=body.more))


@router.call("POST", "/{int:task_id}/archive", answer=TaskOut, errors=(404, 409))
def archive_task(request: ApiRequest, task_id: int) -> object:
    """Put a task away: it is kept, and left out of the list."""
    return _act(request, task_id, lifecycle.archive_task)


@router.call("POST", "/{int:task_id}/bring-back", answer=TaskOut, errors=(404, 409))
def bring_back_task(request: ApiRequest, task_id: int) -> object:
    """Bring a task back from the archive."""
    return _act(request, task_id, lifecycle.bring_back_task)


def _act(request: ApiRequest, task_id: int, action: Callable[..., None]) -> dict[str, Any]:
    task = task_or_404(task_id)
    action(task, user=request.user)
    return shapes.task_data(task)


def _begin(
    request: ApiRequest, response: HttpResponse, task_id: int, action: Callable[..., None]
) -> dict[str, Any]:
    """Once for each Idempotency-Key."""

    def act() -> dict[str, Any]:
        return _as_sent(_act(request, task_id, action))

    def done_since(moment: datetime) -> dict[str, Any] | None:
        task = task_or_404(task_id)
        own = Run.objects.filter(task=task, number=task.run, started_by=request.user)
        is_done = own.filter(started_at__gte=moment).exists()
        return _as_sent(shapes.task_data(task)) if is_done else None

    return once(request, response, act, done_since)


def _as_sent(task: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it, to be kept."""
    return TaskOut.model_validate(task).model_dump(mode="json")
