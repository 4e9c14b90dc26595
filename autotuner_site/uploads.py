"""How much a browser may send, and the page that says so."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from autotuner_site.api_errors import error_answer, is_api
from autotuner_site.roles import Role, role_of

TOO_MUCH = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
# A browser that is still sending when the answer comes and the connection ends shows a fault of
# the network in its place, so that much is read and thrown away.
DRAINED_BYTES = 256 * 1024**2
_PART_BYTES = 256 * 1024
FORM_BYTES = 1024**2


class BoundedUpload(FileUploadHandler):
    """The first of the upload handlers: refuses what is larger than MAX_UPLOAD_BYTES in all.

    It stands before the sign-in is looked at, for the token in the form is read before that.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803  the name that Django passes it by
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        if content_length > limit_of(self.request):
            raise RequestDataTooBig("The upload is larger than MAX_UPLOAD_BYTES.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def limit_of(request: HttpRequest | None) -> int:
    """In bytes. Data sets are larger than forms, and only whoever may add them may send so much."""
    if request is None or request.path_info != reverse("dataset_new"):
        return int(settings.MAX_UPLOAD_BYTES)
    user = getattr(request, "user", None)
    if user is None or role_of(user) < Role.OPERATOR:
        return int(settings.MAX_UPLOAD_BYTES)
    return int(settings.DATASET_MIB) * 1024**2 + FORM_BYTES


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not isinstance(exception, TOO_MUCH):
        if is_api(request):
            return error_answer(400, "The request cannot be read.")
        return render(request, "400.html", status=400)
    _drain(request)
    if is_api(request):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return error_answer(413, f"More was sent than the site takes: {limit:,} bytes.")
    return render(request, "413.html", {"limit": limit_of(request)}, status=413)


def _drain(request: HttpRequest) -> None:
    left = DRAINED_BYTES
    try:
        while left > 0 and (part := request.read(_PART_BYTES)):
            left -= len(part)
    except OSError:
        pass  # the browser has gone
