"""What needs no sign-in, because programs ask it."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from experiments_app.monitoring import health


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
