"""What is told: the same facts as JSON for programs, and as a subject and lines for people."""

import platform
from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import reverse

from autotuner_site.site_url import absolute
from experiments_app import words
from experiments_app.models import Experiment
from experiments_app.notifications.models import Delivery
from experiments_app.results import RunResults
from tasks_app.masking import mask_text, spec_secrets
from tasks_app.models import Run, Task

MOST_TEXT = 2_000
"""Characters of a verdict or a cause; the rest stands on the page."""


def payload_of(delivery: Delivery) -> dict[str, Any]:
    """As Standard Webhooks have it: `type`, `timestamp`, `data`; and the whole in one line."""
    data = _test_data() if delivery.event == Delivery.Event.TEST else _data(delivery)
    return {
        "type": _type_of(delivery),
        "timestamp": delivery.happened_at.isoformat(),
        "text": one_line(data),
        "data": data,
    }


def _type_of(delivery: Delivery) -> str:
    if delivery.event == Delivery.Event.TEST:
        return "test"
    if delivery.event == Delivery.Event.ENDED:
        return f"task.{delivery.task_status}"
    return f"task.{delivery.event}"


def _data(delivery: Delivery) -> dict[str, Any]:
    """What the change itself said; with what the run found, if it is still there."""
    facts: dict[str, Any] = {
        "event": str(delivery.event),
        "task": delivery.task_name,
        "task_id": delivery.task_number,
        "run": delivery.run,
        "status": delivery.task_status,
        "message": delivery.message[:MOST_TEXT],
        "url": absolute(reverse("task_detail", args=[delivery.task_number])),
        "verdict": None,
        "gain": None,
        "gain_ci95": None,
        "best": None,
        "site": platform.node(),
    }
    task = Task.objects.filter(pk=delivery.task_number).first()
    run = Run.objects.filter(task=delivery.task_number, number=delivery.run).first()
    if task is None or run is None:
        return facts
    results = RunResults(task, delivery.run)
    secrets = spec_secrets(results.spec)
    return facts | {
        "task": task.name,
        "url": f"{facts['url']}?run={delivery.run}",
        "message": mask_text(facts["message"], {}, *secrets),
        "verdict": mask_text(results.verdict[:MOST_TEXT], {}, *secrets),
        "gain": results.gain,
        "gain_ci95": list(results.gain_ci95) if results.gain_ci95 else None,
        "best": _best(results.best),
    }


def _best(experiment: Experiment | None) -> dict[str, Any] | None:
    if experiment is None:
        return None
    return {
        "number": experiment.number,
        "parameters": experiment.parameters,
        "url": absolute(reverse("experiment_detail", args=[experiment.pk])),
    }


def _test_data() -> dict[str, Any]:
    return {
        "event": "test",
        "message": "This is a test: notifications of this site arrive here.",
        "url": absolute(reverse("task_list")),
        "site": platform.node(),
    }


def one_line(data: Mapping[str, Any]) -> str:
    """`llama completed: +12.3% · experiment 4 is better than the default …`"""
    if data["event"] == "test":
        return str(data["message"])
    state = "waits for somebody" if data["event"] == "waiting" else data["status"]
    gain = f"{words.percent(data['gain'])} · " if data["gain"] is not None else ""
    ended = data["status"] == Task.Status.COMPLETED
    said = data["verdict"] if ended and data["verdict"] else data["message"]
    return " ".join(f"{data['task']} {state}: {gain}{said}".split())[:MOST_TEXT]


def subject_of(payload: Mapping[str, Any]) -> str:
    """`[Autotuner] llama completed: +12.3%`; of one that failed or waits, why, in short."""
    data = payload["data"]
    if data["event"] == "ended":
        gain = f": {words.percent(data['gain'])}" if data["gain"] is not None else ""
        return f"[Autotuner] {data['task']} {data['status']}{gain}"
    return f"[Autotuner] {payload['text']}"[:120]


def lines_of(payload: Mapping[str, Any]) -> Iterator[str]:
    """The text of an e-mail."""
    data = payload["data"]
    yield payload["text"]
    yield ""
    if best := data.get("best"):
        yield f"Best: {words.experiment(best['number'])}"
        for flag, value in best["parameters"].items():
            yield f"  {flag}: {words.flag_value(value)}"
    if interval := data.get("gain_ci95"):
        low, high = (words.percent(end) for end in interval)
        yield f"Gain over the default: {words.percent(data['gain'])} (95%: {low} to {high})"
    if data.get("verdict") and data.get("message"):
        yield f"How the run ended: {data['message']}"
    yield ""
    yield data["url"]
    yield ""
    yield f"Sent by Autotuner on {data['site']}. What you are told of: {settings_url()}"


def settings_url() -> str:
    return absolute(reverse("notifications"))
