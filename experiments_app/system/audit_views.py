"""The audit: who did what, when and from where. For administrators, to be read and taken along."""

import functools
from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.system.audit_filter import AuditFilter, csv_lines, json_lines

PER_PAGE = 50
FORMATS = {
    "csv": (csv_lines, "text/csv; charset=utf-8"),
    "jsonl": (json_lines, "application/jsonl; charset=utf-8"),
}


def may_read_audit(
    view: Callable[[SignedInRequest], HttpResponseBase],
) -> Callable[[SignedInRequest], HttpResponseBase]:
    @functools.wraps(view)
    def guarded(request: SignedInRequest) -> HttpResponseBase:
        if not request.user.has_perm("tasks_app.view_auditentry"):
            raise PermissionDenied
        return view(request)

    return guarded


@require_safe
@may_read_audit
def audit(request: SignedInRequest) -> HttpResponse:
    form = AuditFilter(request.GET)
    pages = Paginator(form.entries(), PER_PAGE)
    asked = request.GET.copy()
    asked.pop("page", None)
    context = {
        "section": "system",
        "form": form,
        "page": pages.get_page(request.GET.get("page")),
        "asked": asked.urlencode(),
    }
    return render(request, "experiments_app/audit.html", context)


@require_safe
@may_read_audit
def audit_export(request: SignedInRequest) -> HttpResponseBase:
    """All that the page's filter finds, as `?format=csv` or `jsonl`."""
    form = AuditFilter(request.GET)
    name = request.GET.get("format", "csv")
    if name not in FORMATS or not form.is_valid():
        return HttpResponse("format must be csv or jsonl", status=400, content_type="text/plain")
    lines, content_type = FORMATS[name]
    return StreamingHttpResponse(
        lines(form.entries().iterator(chunk_size=500)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="audit.{name}"'},
    )
