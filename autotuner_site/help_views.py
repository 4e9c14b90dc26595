"""The guide in the browser."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from autotuner_site.guide import GUIDE, guide_pages
from autotuner_site.requests import SignedInRequest


@require_safe
def help_page(request: SignedInRequest, name: str = "index") -> HttpResponse:
    pages = guide_pages()
    if name not in pages:
        raise Http404(f"The guide has no page {name!r}.")
    names = list(pages)
    place = names.index(name)
    context = {
        "section": "help",
        "page": pages[name],
        "guide": [page for page in pages.values() if page.name in GUIDE],
        "in_depth": [page for page in pages.values() if page.name not in GUIDE],
        "before": pages[names[place - 1]] if place else None,
        "after": pages[names[place + 1]] if place + 1 < len(names) else None,
    }
    return render(request, "help/page.html", context)
