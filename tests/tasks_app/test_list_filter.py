import pytest
from django.utils import timezone

from tasks_app.labels import set_labels
from tasks_app.list_filter import FilterForm
from tasks_app.models import Task
from tests.factories import make_task, make_user, running_task

pytestmark = pytest.mark.django_db


def names(**asked: str) -> set[str]:
    return {task.name for task in FilterForm(asked).apply(Task.objects.all())}


@pytest.fixture(autouse=True)
def tasks() -> None:
    alpha = make_task(task_name="alpha", description="for the chat team", base_runtime="vllm")
    beta = make_task(task_name="beta", model={"id_or_path": "/models/alphabet.gguf"})
    gamma = running_task(task_name="gamma", description="")
    gone = make_task(task_name="gone", description="")
    Task.objects.filter(pk=gone.pk).update(archived_at=timezone.now())
    Task.objects.filter(pk=alpha.pk).update(created_by=make_user("ada"))
    set_labels(beta, ["Prod"])
    set_labels(gamma, ["prod", "nightly"])


def test_it_leaves_archived_tasks_out() -> None:
    assert names() == {"alpha", "beta", "gamma"}
    assert names(archived="yes") == {"gone"}
    assert names(archived="all") == {"alpha", "beta", "gamma", "gone"}


def test_it_searches_name_description_and_model() -> None:
    assert names(q="ALPHA") == {"alpha", "beta"}
    assert names(q="chat team") == {"alpha"}


@pytest.mark.parametrize("words", ["%", "_", "'", "\\", "<script>", "نص", "\x00"])
def test_it_searches_for_any_text_as_it_is(words: str) -> None:
    assert names(q=words) in ({"beta", "gamma"}, set(), {"alpha", "beta", "gamma"})


def test_it_filters_by_each_property() -> None:
    assert names(status="running") == {"gamma"}
    assert names(runtime="vllm") == {"alpha"}
    assert names(label="Prod") == {"beta", "gamma"}
    assert names(owner="ada") == {"alpha"}


def test_filters_narrow_each_other() -> None:
    assert names(label="Prod", status="running") == {"gamma"}
    assert names(label="Prod", owner="ada") == set()


def test_a_filter_that_cannot_be_read_is_left_out() -> None:
    form = FilterForm({"status": "unheard-of", "label": "gone", "archived": "perhaps"})
    assert form.apply(Task.objects.all()).count() == 3
    assert not form.is_active


def test_it_offers_what_there_is_and_no_choice_of_one() -> None:
    form = FilterForm({})
    assert [field.name for field in form.choosers] == ["status", "runtime", "label", "archived"]
    assert "owner" in [field.name for field in FilterForm({"owner": "ada"}).choosers]
