"""What a page that follows a run compares: stamps that change when it has something new to show."""

import hashlib
from collections.abc import Iterable

from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers

from experiments_app import consumer
from experiments_app.models import Experiment
from experiments_app.standing import Standing

# What is told of the time goes on where nothing else does: the estimate, that nobody works.
SHOWN_ANEW_EVERY_S = 10


def results_stamp(standing: Standing) -> str:
    """Changes with what the charts and tables of the run show: experiments, their states."""
    current = standing.open_one
    progress = current.progress if current else {}
    return _stamp(
        [
            standing.task.status,
            standing.task.version,
            standing.task.run,
            standing.run,
            standing.status,
            standing.made,
            standing.finished,
            standing.last_ended_at,
            current and (current.pk, current.status),
            progress.get("phase"),
            progress.get("level"),
            standing.task.archived_at,
            standing.task.name,
            standing.chosen_number,
            standing.final_stamp,
        ]
    )


def page_stamp(standing: Standing, results: str, *others: object) -> str:
    """Changes with anything that the page shows; `others`: what else decides how it looks."""
    current = standing.open_one
    return _stamp(
        [
            results,
            current.progress if current else None,
            standing.waiting_for,
            consumer.is_alive(),
            int(standing.now.timestamp()) // SHOWN_ANEW_EVERY_S,
            *others,
        ]
    )


def experiment_stamp(experiment: Experiment, *others: object) -> str:
    """Changes with anything that the page of an experiment shows while it is open."""
    moment = int(timezone.now().timestamp()) // SHOWN_ANEW_EVERY_S
    return _stamp([experiment.pk, experiment.status, experiment.progress, moment, *others])


def marked(response: HttpResponse, etag: str = "") -> HttpResponse:
    """Kept by a browser only to ask whether it still holds; a part is no answer for the page."""
    if etag:
        response["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["HX-Request", "Cookie"])
    return response


def _stamp(parts: Iterable[object]) -> str:
    text = "\x1f".join(map(repr, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:20]
