"""A call that is sent twice is done once: what an Idempotency-Key was answered is kept for a day.

A connection that breaks leaves a program not knowing whether its run has begun; it sends the same
call again, with the same key, and gets the same answer. A call that was refused keeps no key:
mended, it may be sent again.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils import timezone

from autotuner_site.models import IdempotentCall
from experiments_app.api.auth import ApiRequest
from experiments_app.api.errors import ApiError
from tasks_app.problems import Problem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(hours=24)
LOST_AFTER = timedelta(minutes=2)
"""A call that has not ended by then was broken off with its process."""
WAIT_S = 5.0
LOOK_EVERY_S = 0.1
MAX_KEY = 200
PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    "description": "Any text that no other call of yours has, a UUID say. Sent again within 24"
    " hours, the same call is answered as the first time and not done again.",
}
Answer = dict[str, Any]


def once(
    request: ApiRequest,
    response: HttpResponse,
    act: Callable[[], Answer],
    done_since: Callable[[datetime], Answer | None],
) -> Answer:
    """What `act` answers, or has answered to this key before.

    `done_since`: the answer where this user did the act since then although nobody was told, for a
    process may end between the two.
    """
    key = _key(request)
    if not key:
        return act()
    IdempotentCall.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    call = _fingerprint(request)
    mine = IdempotentCall(user=request.user, key=key, call_sha256=call)
    try:
        with transaction.atomic():
            mine.save(force_insert=True)
    except IntegrityError:
        response.headers[REPLAYED] = "true"
        earlier = _earlier(request, key, call)
        if earlier.status is not None:
            return dict(earlier.answer or {})
        return _kept(earlier, done_since(earlier.created_at) or act())
    try:
        return _kept(mine, act())
    except BaseException:
        mine.delete()
        raise


def _key(request: ApiRequest) -> str:
    key = request.headers.get(HEADER, "")
    if HEADER not in request.headers:
        return ""
    if not (0 < len(key) <= MAX_KEY and all("!" <= sign <= "~" for sign in key)):
        fault = Problem(
            HEADER, f"must be 1 to {MAX_KEY} characters of ASCII, no blanks", "a UUID will do"
        )
        raise ApiError(422, "The key cannot be used.", [fault])
    return key


def _fingerprint(request: ApiRequest) -> str:
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return sha256(head + request.body).hexdigest()


def _kept(row: IdempotentCall, answer: Answer) -> Answer:
    IdempotentCall.objects.filter(pk=row.pk).update(status=200, answer=answer)
    return answer


def _earlier(request: ApiRequest, key: str, call: str) -> IdempotentCall:
    """The first call of this key: answered, or lost. Raises ApiError where it was another call,
    and where it is still under way."""
    until = time.monotonic() + WAIT_S
    while True:
        found = IdempotentCall.objects.filter(user=request.user, key=key).first()
        if found is not None and found.call_sha256 != call:
            fault = Problem(HEADER, "was used for another call", "take a new key for each call")
            raise ApiError(422, "This key belongs to another call.", [fault])
        if found is not None and (
            found.status is not None or timezone.now() - found.created_at > LOST_AFTER
        ):
            return found
        if found is None or time.monotonic() > until:  # refused meanwhile, or slow
            raise ApiError(
                409,
                "The first call with this key is not answered yet.",
                headers={"Retry-After": "1"},
            )
        time.sleep(LOOK_EVERY_S)
