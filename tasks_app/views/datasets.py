"""Data sets: the list, adding one, its page, what can be done to it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.datasets import taking
from experiments_app.tasks import wake_dataset
from tasks_app.datasets import adding
from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.forms import ColumnsForm, NewDatasetForm
from tasks_app.datasets.shown import DatasetPage
from tasks_app.models import Dataset, StaleState

SECTION = {"section": "datasets"}


@require_safe
def dataset_list(request: SignedInRequest) -> HttpResponse:
    context = SECTION | {"datasets": Dataset.objects.select_related("created_by")}
    return render(request, "tasks_app/dataset_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def dataset_new(request: SignedInRequest) -> HttpResponse:
    form = NewDatasetForm(request.POST, request.FILES) if request.method == "POST" else None
    if form is None:
        form = NewDatasetForm()
    elif form.is_valid():
        try:
            dataset = _add(request, form)
        except DatasetError as error:
            form.add_error(None, str(error))
        except OSError as error:
            form.add_error(None, f"The file could not be kept: {error.strerror}.")
        else:
            wake_dataset(dataset.pk)
            return redirect("dataset_detail", dataset.pk)
    context = SECTION | {"form": form, "most_bytes": taking.most_bytes()}
    status = 422 if form.is_bound else 200
    return render(request, "tasks_app/dataset_new.html", context, status=status)


def _add(request: SignedInRequest, form: NewDatasetForm) -> Dataset:
    name, user, file = form.cleaned_data["name"], request.user, form.cleaned_data["file"]
    if not file:
        return adding.add_address(form.cleaned_data["url"], name, user=user, **form.options)
    return adding.add_parts(file.chunks(), file.name, name, user=user, **form.options)


@require_safe
def dataset_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset.objects.select_related("created_by"), pk=pk)
    return _show(request, dataset)


def _show(
    request: SignedInRequest, dataset: Dataset, form: ColumnsForm | None = None
) -> HttpResponse:
    page = DatasetPage(dataset, form)
    status = 422 if form is not None and form.errors else 200
    template = "tasks_app/dataset_detail.html" + ("#live" if request.htmx else "")
    return render(request, template, SECTION | {"page": page}, status=status)


@require_POST
def dataset_columns(request: SignedInRequest, pk: int) -> HttpResponse:
    """The choice of the columns, after which the rows are read."""
    dataset = get_object_or_404(Dataset, pk=pk)
    form = ColumnsForm(dataset, request.POST)
    if dataset.status == Dataset.Status.CHOOSING and not form.is_valid():
        return _show(request, dataset, form)
    try:
        dataset.choose(form.cleaned_data["prompt_column"], form.cleaned_data["answer_column"])
    except (StaleState, AttributeError, KeyError):
        messages.info(request, "There is nothing to choose any more.")
    else:
        wake_dataset(dataset.pk)
    return redirect("dataset_detail", pk)


@require_POST
def dataset_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    if taking.cancel(get_object_or_404(Dataset, pk=pk)):
        messages.success(request, "It is not taken any further.")
    else:
        messages.info(request, "It had ended already.")
    return redirect("dataset_detail", pk)


@require_POST
def dataset_retry(request: SignedInRequest, pk: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=pk)
    try:
        dataset.try_again()
    except StaleState as error:
        messages.error(request, str(error))
    else:
        wake_dataset(pk)
    return redirect("dataset_detail", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def dataset_remove(request: SignedInRequest, pk: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=pk)
    users = list(dataset.users()[:20])
    if request.method == "POST" and not users and not dataset.is_under_way:
        taking.remove(dataset)
        messages.success(request, f"The data set {dataset.name} is removed.")
        return redirect("dataset_list")
    context = SECTION | {"dataset": dataset, "users": users}
    status = 409 if request.method == "POST" else 200
    return render(request, "tasks_app/dataset_remove.html", context, status=status)
