"""What is done to many tasks of the list at once."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from operator import attrgetter

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.bulk import ACTIONS, MAX_TASKS, Action, Outcome, attempted, perform, summary
from experiments_app.bulk_losses import losses_of
from tasks_app.bulk.edit import NOTHING, edit_field
from tasks_app.bulk.forms import FieldForm, LabelsForm
from tasks_app.bulk.request import BulkRequest
from tasks_app.documents import DocumentError
from tasks_app.form.fields import FieldPlace
from tasks_app.labels import add_labels, remove_labels
from tasks_app.masking import masked_document
from tasks_app.models import Task

TOLD = "bulk_outcomes"


@require_POST
def tasks_bulk(request: SignedInRequest) -> HttpResponse:
    """`action` for the tasks of a BulkRequest; what wants a yes, or a value, asks first."""
    bulk = BulkRequest.read(request.POST, limit=MAX_TASKS)
    if bulk.problem:
        messages.error(request, bulk.problem)
        return redirect(bulk.back)
    name = request.POST.get("action", "")
    if name == "label":
        return _label(request, bulk)
    if name == "edit":
        return _edit(request, bulk)
    action = ACTIONS.get(name)
    if action is None:
        messages.error(request, "That is nothing that can be done to tasks.")
        return redirect(bulk.back)
    return _act(request, bulk, action)


def _act(request: SignedInRequest, bulk: BulkRequest, action: Action) -> HttpResponse:
    if (action.asks or bulk.is_all) and not request.POST.get("sure"):
        left_out = [(task, why) for task in bulk.tasks if (why := action.why_not(task))]
        meant = [task for task in bulk.tasks if task not in dict(left_out)]
        context = {"action": action, "left_out": left_out, "num_meant": len(meant)}
        if action.name == "delete":
            context["losses"] = losses_of(meant)
        return _ask(request, bulk, "tasks_app/bulk_ask.html", context)
    return _told(request, bulk, perform(action, bulk.tasks, request.user), action.done)


def _label(request: SignedInRequest, bulk: BulkRequest) -> HttpResponse:
    how = request.POST.get("how")
    form = LabelsForm(request.POST if how else None)
    if not how or not form.is_valid():
        return _ask(request, bulk, "tasks_app/bulk_labels.html", {"form": form})
    names = form.cleaned_data["labels"]
    change = remove_labels if how == "remove" else add_labels
    words = "label taken off" if how == "remove" else "label put on"

    def one(task: Task) -> str:
        return words if change(task, names) else "unchanged: nothing to do"

    outcomes = [attempted(task, one) for task in bulk.tasks]
    done = "have these labels no longer" if how == "remove" else "have these labels"
    return _told(request, bulk, outcomes, done)


def _edit(request: SignedInRequest, bulk: BulkRequest) -> HttpResponse:
    is_answer = bool(request.POST.get("sure"))
    form = FieldForm(request.POST, is_answer=is_answer)
    if form.place is None or not is_answer:
        shared = _shared_text(form.place, bulk.tasks) if form.place else ""
        form = FieldForm(request.POST, initial_text=shared)
        return _ask_for_value(request, bulk, form)
    form.is_valid()
    change = partial(_edited, form.place, request.POST.get("value", ""), request)
    try:
        outcomes = [_edit_one(task, change) for task in bulk.tasks]
    except DocumentError as error:  # the same text for all: unreadable for the first one already
        form.add_error("value", str(error))
        return _ask_for_value(request, bulk, form)
    reasons = {outcome.words for outcome in outcomes}
    if len(reasons) == 1 and all(outcome.is_refusal for outcome in outcomes):
        form.add_error("value", reasons.pop())
        return _ask_for_value(request, bulk, form)
    return _show_outcomes(request, bulk, outcomes, f"changed: {form.place.label}")


def _edited(place: FieldPlace, text: str, request: SignedInRequest, task: Task) -> str:
    return edit_field(task, place, text, request.user)


def _shared_text(place: FieldPlace, tasks: Sequence[Task]) -> str:
    """What the field shows in every task, if all agree: so one sees what one changes."""
    texts = {place.text_in(masked_document(task.spec_data())) for task in tasks}
    return texts.pop() if len(texts) == 1 else ""


def _edit_one(task: Task, change: Callable[[Task], str]) -> Outcome:
    if task.current_status.is_under_way:
        words = f"is {task.status}: it cannot be edited"
        return Outcome(task.pk, task.name, is_done=False, words=words)
    outcome = attempted(task, change)
    return replace(outcome, is_done=outcome.is_done and outcome.words != NOTHING)


def _ask_for_value(request: SignedInRequest, bulk: BulkRequest, form: FieldForm) -> HttpResponse:
    template = "tasks_app/bulk_edit.html" + ("#bulk-value" if request.htmx else "")
    return _ask(request, bulk, template, {"form": form, "is_chosen": form.place is not None})


def _ask(
    request: SignedInRequest, bulk: BulkRequest, template: str, context: dict[str, object]
) -> HttpResponse:
    form = context.get("form")
    status = 422 if isinstance(form, Form) and form.is_bound and form.errors else 200
    shown = {"section": "tasks", "bulk": bulk, **context}
    return render(request, template, shown, status=status)


def _told(
    request: SignedInRequest, bulk: BulkRequest, outcomes: Sequence[Outcome], done: str
) -> HttpResponse:
    """Back to the list where all went well; else a page that says what became of each."""
    if all(outcome.is_done for outcome in outcomes):
        messages.success(request, f"{summary(outcomes, done)}.")
        return redirect(bulk.back)
    return _show_outcomes(request, bulk, outcomes, done)


def _show_outcomes(
    request: SignedInRequest, bulk: BulkRequest, outcomes: Sequence[Outcome], done: str
) -> HttpResponse:
    """On a page of its own address: to load it anew does nothing anew."""
    request.session[TOLD] = {
        "filters": bulk.filters,
        "outcomes": [asdict(one) for one in sorted(outcomes, key=attrgetter("is_done"))],
        "done": done,
    }
    return redirect("bulk_outcomes")


@require_safe
def bulk_outcomes(request: SignedInRequest) -> HttpResponse:
    """What became of each task in this visitor's last action on many."""
    told = request.session.get(TOLD)
    if told is None:
        return redirect("task_list")
    outcomes, done = [Outcome(**one) for one in told["outcomes"]], told["done"]
    context = {
        "section": "tasks",
        "bulk": BulkRequest((), told["filters"]),
        "outcomes": outcomes,
        "done": done,
        "title": summary(outcomes, done),
    }
    return render(request, "tasks_app/bulk_outcomes.html", context)
