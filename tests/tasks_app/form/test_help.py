"""What comes back while the form is filled in: the summary, and what stands at each field."""

from typing import Any

import pytest
from django.test import Client

from experiments_app import known_models
from experiments_app.hub_error import HubError, HubErrorKind
from tasks_app.form.notes import scenario_notes
from tasks_app.models import Task
from tests.factories import completed_task, make_task
from tests.tasks_app.typed_forms import typed

pytestmark = pytest.mark.django_db


def checked(browser: Client, **changes: Any) -> str:
    response = browser.post("/tasks/check", typed(**changes))
    assert response.status_code == 200
    assert not Task.objects.filter(name="mine").exists()
    return " ".join(response.text.split())


def test_it_tells_what_the_task_would_do(browser: Client) -> None:
    text = checked(browser)
    assert "<dt>Configurations</dt><dd>4</dd>" in text
    assert "<dt>Experiments</dt><dd>5<" in text
    assert "<dt>Measurements</dt><dd>20<" in text
    assert "at most 3 h 00 min" in text
    assert "--threads 1 \\ --parallel 1" in text
    assert "Ready to save" in text


def test_it_estimates_by_past_experiments(browser: Client) -> None:
    past = completed_task((50.0, 60.0))
    changes = {"num_concurrency": "8", "traffic_scenarios": "D(100,50)"}
    assert past.benchmark["num_concurrency"] == [8]
    assert "At the pace of this site" in checked(browser, **changes)


def test_it_counts_what_can_be_counted_before_all_is_there(browser: Client) -> None:
    text = checked(browser, task_name="", model="", seed="x", touched="")
    assert "<dt>Configurations</dt><dd>4</dd>" in text
    assert "3 fields still need a look" in text


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"a": {"low": 1, "high": 1000}, "b": {"low": 1, "high": 10**6}},
            "1,000,000,000 (1 billion)",
        ),
        ({"a": {"low": 0.0, "high": 1.0}}, "without end"),
        ({f"p{i}": list(range(1000)) for i in range(100)}, "more than a million billion"),
    ],
)
def test_it_puts_huge_spaces_into_words(browser: Client, parameters: Any, words: str) -> None:
    assert words in checked(browser, base_runtime="sglang", parameters=parameters)


def test_it_complains_about_what_was_touched_alone(browser: Client) -> None:
    assert 'class="field-error"' not in checked(browser, task_name="", seed="x", touched="")
    text = checked(browser, task_name="", seed="x", touched="seed")
    assert text.count('class="field-error"') == 1
    assert "must be a whole number" in text


def test_it_tells_what_a_flag_does_and_what_to_try(browser: Client) -> None:
    text = checked(browser, base_runtime="sglang", parameters={"enable-mixed-chunk": [True]})
    assert "Let pieces of prompts share a step" in text
    assert 'data-toggle-value="false"' in text
    assert "default false" in text


def test_it_names_the_nearest_flag(browser: Client) -> None:
    text = checked(browser, parameters={"treads": [1]}, touched="")
    assert 'data-take-name="threads"' in text


def test_it_brings_the_names_of_the_flags_when_the_runtime_changes(browser: Client) -> None:
    text = checked(browser, base_runtime="vllm", shown_runtime="llamacpp")
    assert '<option value="max-num-seqs">' in text
    assert "<datalist" not in checked(browser, shown_runtime="llamacpp")


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (
            "D(100,50), N(10,2)/(30,4)",
            ["100 tokens in, 50 out", "about 10 ± 2 tokens in, 30 ± 4 out"],
        ),
        ("U(1,5)/(2,9);x", ["1 to 5 tokens in, 2 to 9 out"]),
    ],
)
def test_it_puts_each_scenario_into_words(text: str, notes: list[str]) -> None:
    assert [words for _, words in scenario_notes(text)] == notes


def test_it_says_when_a_percentile_has_too_few_requests(browser: Client) -> None:
    few = {"slo": {"ttft_p99_s": "500 ms"}, "max_requests_per_level": "20"}
    assert "0.5 s. Of 20 requests a level, p99 is about the slowest one" in checked(browser, **few)
    assert "slowest one" not in checked(browser, **few | {"max_requests_per_level": "100"})


def test_it_shows_no_secret_in_a_command(browser: Client) -> None:
    text = checked(
        browser,
        deployment_mode="docker",
        environment="API_KEY: s3cr3t-1\nPLAIN: shown",
        base_runtime="vllm",
        parameters={"max-num-seqs": [64]},
        model="org/model",
        hub_token="hf_s3cr3t-2",
    )
    assert "docker run" in text
    assert "s3cr3t" not in text


def test_it_checks_an_edit_against_its_own_name(browser: Client) -> None:
    task = make_task(task_name="mine")
    text = browser.post(f"/tasks/{task.pk}/check", typed()).text
    assert "Ready to save" in text
    assert "there is a task" in browser.post("/tasks/check", typed(touched="*")).text


def test_it_checks_yaml_with_its_lines(browser: Client) -> None:
    data = {"view": "yaml", "text": "task_name: mine\nmodle: x\n"}
    assert "line 2: modle" in browser.post("/tasks/check", data).text


@pytest.mark.parametrize("path", ["/tasks/check", "/tasks/999/check"])
def test_it_is_asked_by_post(browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 405


def test_it_refuses_who_is_signed_out_and_leads_nobody_away(client: Client) -> None:
    assert client.post("/tasks/check", typed(), headers={"HX-Request": "true"}).status_code == 403
    assert client.get("/tasks/model?model=x", headers={"HX-Request": "true"}).status_code == 403


def test_it_goes_on_complaining_about_rows_after_a_save_that_failed(browser: Client) -> None:
    text = checked(browser, parameters={"treads": [1]}, touched="*")
    assert text.count('class="field-error"') == 1


# Models


def test_it_suggests_models_of_past_tasks_and_of_the_cache(
    browser: Client, settings: Any, tmp_path: Any
) -> None:
    settings.HF_HOME = str(tmp_path)
    (tmp_path / "hub" / "models--org--cached").mkdir(parents=True)
    make_task(model={"id_or_path": "/models/past.gguf"})
    text = browser.get("/tasks/new").text
    for name in ("/models/past.gguf", "smollm2-135m", "org/cached"):
        assert f'<option value="{name}">' in text


@pytest.mark.parametrize(
    ("error", "words", "is_warning"),
    [
        (None, "On the hub", False),
        (HubError(HubErrorKind.NOT_FOUND, "org/a is not on h (404)."), "not on h", True),
        (
            HubError(HubErrorKind.NETWORK_UNREACHABLE, "h cannot be reached."),
            "Not looked up",
            False,
        ),
    ],
)
def test_it_says_whether_the_hub_has_the_model(
    monkeypatch: pytest.MonkeyPatch,
    browser: Client,
    error: HubError | None,
    words: str,
    is_warning: bool,
) -> None:
    def find_model(*args: Any, **kwargs: Any) -> None:
        if error:
            raise error

    known_models._asked.cache_clear()
    monkeypatch.setattr("experiments_app.hub.find_model", find_model)
    text = browser.get("/tasks/model", {"model": "org/a"}).text
    known_models._asked.cache_clear()
    assert words in text
    assert ("note-warning" in text) is is_warning


@pytest.mark.parametrize(
    ("model", "words"),
    [("smollm2-135m", "Found on this machine"), ("no such", "There is no model"), ("", "")],
)
def test_it_says_where_a_model_is_without_the_hub(browser: Client, model: str, words: str) -> None:
    assert words in browser.get("/tasks/model", {"model": model}).text
