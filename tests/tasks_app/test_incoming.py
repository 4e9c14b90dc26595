from collections.abc import Mapping

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from tasks_app.documents import line_numbers
from tasks_app.exporting import yaml_file
from tasks_app.incoming import Incoming, checked, free_name, save_all, split_documents
from tasks_app.masking import MASK
from tasks_app.models import Task, TaskVersion
from tasks_app.problems import SpecError
from tasks_app.taskfile import dump_document
from tests.factories import make_task, make_user, task_data


def text_of(**changes: object) -> str:
    return dump_document(task_data(**changes))


def one(text: str, *, name: str = "", secrets: Mapping[str, str] | None = None) -> Incoming:
    return checked([Incoming(text, name=name, secrets=secrets or {})])[0]


# Taking texts apart


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: 1\n", ["a: 1\n"]),
        ("---\na: 1\n---\nb: 2\n", ["a: 1\n", "b: 2\n"]),
        ("# first\n---\na: 1\n...\n---\nb: 2\n", ["# first\n\na: 1\n", "b: 2\n"]),
        ("%YAML 1.2\n---\na: 1\n", ["a: 1\n"]),
        ("text: |\n  ---\n  inside\n", ["text: |\n  ---\n  inside\n"]),
        ("[{a: 1}, {b: 2}]", ["a: 1\n", "b: 2\n"]),
        ('[{"a": 1}, {"b": 2}]', ["a: 1\n", "b: 2\n"]),
        ("- a: 1\n- b: 2\n", ["a: 1\n", "b: 2\n"]),
        ("[1, 2]", ["[1, 2]"]),
        ("- broken: [", ["- broken: ["]),
        ("  \n", []),
    ],
)
def test_it_takes_a_text_apart_at_its_documents(text: str, parts: list[str]) -> None:
    assert split_documents(text) == parts


@given(st.lists(st.from_regex(r"[a-z]{1,5}: [a-z#.-]{1,9}\n", fullmatch=True), min_size=1))
def test_it_finds_again_what_was_joined_by_markers(documents: list[str]) -> None:
    assert split_documents("---\n".join(documents)) == documents


# Lines


def test_it_knows_the_line_of_each_value_by_its_path() -> None:
    lines = line_numbers("a: 1\nb:\n  c: [1,\n    2]\n  d.e: 3\n")
    assert lines == {"a": 1, "b": 2, "b.c": 3, "b.c[0]": 3, "b.c[1]": 4, "b.d.e": 5}


def test_it_knows_no_line_of_a_text_that_cannot_be_read() -> None:
    assert line_numbers("a: [") == {}


@pytest.mark.django_db
def test_each_problem_stands_on_its_line_or_on_the_nearest_around_it() -> None:
    text = (
        "task_name: x\ndeployment_mode: local\nbase_runtime: llamacpp\nmodel: {}\n"
        "parameters:\n  treads: [1, 2]\n  parallel: [1, two]\n"
    )
    found = {item.problem.path: item.line for item in one(text).problems}
    assert found["model.id_or_path"] == 4
    assert found["parameters.treads"] == 6
    assert found["parameters.parallel[1]"] == 7


@pytest.mark.django_db
def test_a_text_that_cannot_be_read_says_on_which_line() -> None:
    (found,) = one("task_name: x\nparameters: [1\n").problems
    assert found.line in {2, 3}
    assert "not valid YAML" in found.problem.message


# Names


def test_a_free_name_is_the_next_that_nobody_has() -> None:
    assert free_name("a", frozenset()) == "a"
    assert free_name("a", frozenset({"a", "a (2)"})) == "a (3)"
    assert len(free_name("x" * 200, frozenset({"x" * 200}))) == 200


@pytest.mark.django_db
def test_a_taken_name_is_replaced_by_a_free_one_that_is_offered() -> None:
    make_task(task_name="mine")
    found = one(text_of(task_name="mine"))
    assert found.default_name == "mine (2)"
    assert found.can_be_saved
    assert found.spec is not None
    assert found.spec.task_name == "mine (2)"


@pytest.mark.django_db
def test_a_name_that_was_asked_for_and_is_taken_is_refused_with_a_free_one() -> None:
    make_task(task_name="mine")
    found = one(text_of(task_name="other"), name="mine")
    assert "'mine (2)' is free" in found.name_problem
    assert not found.can_be_saved


@pytest.mark.django_db
def test_two_documents_of_one_name_get_two_names() -> None:
    text = text_of(task_name="same")
    names = [found.spec.task_name for found in checked([Incoming(text)] * 3) if found.spec]
    assert names == ["same", "same (2)", "same (3)"]


# Secrets


@pytest.mark.django_db
def test_it_asks_for_each_masked_secret_and_puts_it_in() -> None:
    text = text_of(environment={"HF_TOKEN": MASK, "MODE": "fast"}, access={"hub_token": MASK})
    found = one(text, secrets={"environment.HF_TOKEN": "hf_12345678"})
    assert found.masked_places == ["environment.HF_TOKEN", "access.hub_token"]
    assert found.spec is not None
    assert found.spec.environment == {"HF_TOKEN": "hf_12345678", "MODE": "fast"}
    assert not found.spec.access.hub_token


@pytest.mark.django_db
def test_what_was_exported_is_imported_as_the_same_task_but_for_its_secrets() -> None:
    task = make_task(
        task_name="ünïcode: \u202eright to left # no comment",
        description="several\nlines, on: off",
        environment={"API_KEY": "very secret", "MODE": "off"},
        slo={"ttft_p99_s": 0.5},
        constraints=["threads <= parallel or threads == 2"],
    )
    exported = yaml_file([task])
    assert "very secret" not in exported
    assert "environment.API_KEY" in exported.splitlines()[0]
    (text,) = split_documents(exported)
    again = one(text, secrets={"environment.API_KEY": "very secret"}, name="again")
    assert again.spec is not None
    assert again.spec.model_copy(update={"task_name": task.name}) == task.spec


# Saving


@pytest.fixture
def user(db: None) -> User:
    return make_user("grace")


def test_it_saves_what_was_chosen_as_imported_by_the_user(user: User) -> None:
    documents = checked(
        [Incoming(text_of(task_name="a")), Incoming(text_of(task_name="b"), is_chosen=False)]
    )
    (task,) = save_all(documents, user)
    assert (task.name, task.created_by) == ("a", user)
    version = task.versions.get()
    assert (version.kind, version.changed_by) == (TaskVersion.Kind.IMPORTED, user)


def test_it_saves_all_or_none(user: User) -> None:
    documents = checked([Incoming(text_of(task_name="a")), Incoming(text_of(task_name="b"))])
    make_task(task_name="b")  # by somebody else, meanwhile
    with pytest.raises(SpecError, match="by now"):
        save_all(documents, user)
    assert not Task.objects.filter(name="a").exists()


def test_it_saves_none_where_a_chosen_one_has_problems(user: User) -> None:
    documents = checked([Incoming(text_of(task_name="a")), Incoming("nonsense: 1")])
    with pytest.raises(SpecError):
        save_all(documents, user)
    assert not Task.objects.exists()
