"""What needs no sign-in, because programs ask it."""

import hmac
import logging

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from experiments_app.monitoring import figures, health
from tasks_app.masking import mask_urls

logger = logging.getLogger(__name__)

PLAIN = "text/plain; charset=utf-8"


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the site can do its work, else 503; what each check found stands in it."""
    found = health.examine()
    is_well = health.is_well(found)
    return JsonResponse(
        {"status": "ok" if is_well else "failing", "checks": found}, status=200 if is_well else 503
    )


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, which shows METRICS_TOKEN; without that setting there is nothing here."""
    if not settings.METRICS_TOKEN:
        return HttpResponseNotFound("METRICS_TOKEN is not set.\n", content_type=PLAIN)
    if not _shows(request, settings.METRICS_TOKEN):
        return HttpResponse(
            "Authorization: Bearer with METRICS_TOKEN is needed.\n",
            content_type=PLAIN,
            status=401,
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )
    try:
        return HttpResponse(figures.exposition(), content_type=CONTENT_TYPE_LATEST)
    except DatabaseFault as error:
        logger.warning("metrics: %s", mask_urls(str(error)))
        return HttpResponse("The database does not answer.\n", content_type=PLAIN, status=503)


def _shows(request: HttpRequest, token: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    is_same = hmac.compare_digest(shown.strip().encode(), token.encode())
    return is_same and scheme.lower() == "bearer"
