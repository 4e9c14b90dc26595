import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks_app.models import Preset, Task
from tasks_app.presets import presets_for
from tasks_app.presets.shipped import shipped_presets
from tests.factories import make_preset, make_task, running_task
from tests.pages import text_of

pytestmark = pytest.mark.django_db

TYPED = {
    "name": "ours",
    "base_runtime": "llamacpp",
    "description": "",
    "parameters": "threads: [1, 2]",
    "fixed_parameters": "",
    "notes": "threads: two cores",
}


def key_of(row: Preset) -> str:
    return f"own:{row.pk}"


def said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


# Looking


def test_it_lists_all_by_engine(browser: Client) -> None:
    make_preset("for us")
    text = text_of(browser.get("/presets/"))
    assert text.count(" in a new task<") == len(shipped_presets()) + 1
    assert "for us" in text
    assert text.index(">llamacpp</h2>") < text.index(">sglang</h2>") < text.index(">vllm</h2>")


def test_it_lists_one_engine(browser: Client) -> None:
    text = text_of(browser.get("/presets/?runtime=vllm"))
    assert ">vllm</h2>" in text
    assert ">sglang</h2>" not in text


def test_it_lists_all_for_an_engine_that_is_none(browser: Client) -> None:
    assert text_of(browser.get("/presets/?runtime=%3Cscript%3E")).count("</h2>") == 3


def test_it_lists_any_number_in_as_many_queries(browser: Client) -> None:
    make_preset("first")
    with CaptureQueriesContext(connection) as few:
        browser.get("/presets/")
    for number in range(20):
        make_preset(f"preset {number}")
    with CaptureQueriesContext(connection) as many:
        browser.get("/presets/")
    assert len(few) == len(many)


@pytest.mark.parametrize("preset", shipped_presets(), ids=lambda preset: preset.key)
def test_it_shows_each_flag_with_its_reason(browser: Client, preset: Any) -> None:
    response = browser.get(f"/presets/{preset.key}/")
    assert response.status_code == 200
    text = text_of(response)
    for flag in preset.flags:
        assert f">{flag.name}<" in text
    assert "What a task with this preset is told today" not in text
    assert "/edit" not in text


def test_it_shows_what_a_stored_preset_would_be_told_now(browser: Client) -> None:
    row = make_preset(parameters={"gone": [1]}, notes={})
    assert "llamacpp has no flag &#x27;gone&#x27;" in text_of(
        browser.get(f"/presets/{key_of(row)}/")
    )


def test_it_shows_a_preset_of_an_engine_that_is_gone(browser: Client) -> None:
    row = make_preset(base_runtime="gone")
    assert "no runtime &#x27;gone&#x27;" in text_of(browser.get(f"/presets/{key_of(row)}/"))


def test_it_escapes_everything(browser: Client) -> None:
    script = "<script>alert(1)</script>"
    row = make_preset(script, description=script, notes={"parallel": script})
    for path in ("/presets/", f"/presets/{key_of(row)}/", f"/presets/{key_of(row)}/edit"):
        assert b"<script>alert" not in browser.get(path).content


@pytest.mark.parametrize("path", ["own:99/", "nonsense/", "own:99/edit", "own:99/merge"])
def test_it_has_no_page_for_a_preset_that_is_none(browser: Client, path: str) -> None:
    assert browser.get(f"/presets/{path}").status_code == 404


# Writing


def test_it_keeps_a_new_one(browser: Client) -> None:
    response = browser.post("/presets/new", TYPED, follow=True)
    row = Preset.objects.get()
    assert response.redirect_chain == [(f"/presets/own:{row.pk}/", 302)]
    assert row.parameters == {"threads": [1, 2]}
    assert row.notes == {"threads": "two cores"}
    assert row.created_by is not None


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "must not be empty"),
        ("name", "quick look", "&#x27;quick look (2)&#x27; is free"),
        ("parameters", "threads: [0]", "must be at least 1"),
        ("parameters", "treads: [1]", "did you mean &#x27;threads&#x27;"),
        ("parameters", "threads: [1", "not valid YAML"),
        ("parameters", "", "the preset sets no flag"),
        ("fixed_parameters", "threads: 4", "is searched under parameters too"),
        ("notes", "poll: x", "is no flag of this preset"),
        ("base_runtime", "vlm", "did you mean &#x27;vllm&#x27;"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    browser: Client, field: str, value: str, says: str
) -> None:
    response = browser.post("/presets/new", TYPED | {field: value})
    assert response.status_code == 422
    assert not Preset.objects.exists()
    text = text_of(response)
    assert re.search(rf'id="id_{field}_error">[^<]*{re.escape(says)}', text)
    assert "two cores" in text or field == "notes"


def test_it_starts_a_copy(browser: Client) -> None:
    response = browser.get("/presets/new?from=shipped:vllm:latency")
    assert response.context["form"]["name"].value() == "latency (2)"
    assert "max-num-seqs: [32, 128, 256]" in response.context["form"]["parameters"].value()
    assert "max-num-seqs" in response.context["form"]["notes"].value()


def test_it_starts_with_the_flags_of_a_task_and_none_of_its_secrets(browser: Client) -> None:
    task = make_task(
        parameters={"threads": [1, 2]}, fixed_parameters={"poll": 0},
        environment={"HF_TOKEN": "hf_hidden"},
    )  # fmt: skip
    response = browser.get(f"/presets/new?task={task.pk}")
    form = response.context["form"]
    assert form["parameters"].value() == "threads: [1, 2]"
    assert form["fixed_parameters"].value() == "poll: 0"
    assert form["name"].value() == task.name[:100]
    assert b"hf_hidden" not in response.content


def test_it_edits(browser: Client) -> None:
    row = make_preset()
    path = f"/presets/{key_of(row)}/edit"
    seen = browser.get(path).context["form"]["seen"].value()
    browser.post(path, TYPED | {"name": "better", "seen": seen})
    row.refresh_from_db()
    assert (row.name, row.fixed_parameters) == ("better", {})


def test_it_shows_both_versions_when_two_edit(browser: Client) -> None:
    row = make_preset()
    path = f"/presets/{key_of(row)}/edit"
    seen = browser.get(path).context["form"]["seen"].value()
    browser.post(path, TYPED | {"description": "theirs", "seen": seen})
    response = browser.post(path, TYPED | {"description": "mine", "seen": seen})
    assert response.status_code == 409
    assert "description: theirs" in text_of(response)
    assert "> mine</textarea>" in text_of(response)
    browser.post(path, TYPED | {"description": "mine", "seen": response.context["form"].sent_seen})
    assert Preset.objects.get().description == "mine"


@pytest.mark.parametrize("seen", ["", "yesterday", "2026-99-99T00:00:00", "2026-01-01T00:00:00"])
def test_it_overwrites_nothing_without_knowing_what(browser: Client, seen: str) -> None:
    row = make_preset("before")
    assert browser.post(f"/presets/{key_of(row)}/edit", TYPED | {"seen": seen}).status_code == 409
    assert Preset.objects.get().name == "before"


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_it_changes_no_shipped_one(browser: Client, action: str) -> None:
    assert browser.post(f"/presets/shipped:vllm:latency/{action}", TYPED).status_code == 404


def test_it_asks_before_it_deletes(browser: Client) -> None:
    path = f"/presets/{key_of(make_preset())}/delete"
    assert "Delete this preset?" in text_of(browser.get(path))
    assert Preset.objects.exists()
    assert "is deleted" in said(browser.post(path, follow=True))
    assert not Preset.objects.exists()


# Files


def test_it_exports_what_it_imports(browser: Client) -> None:
    row = make_preset("Größe: für <uns>")
    response = browser.get(f"/presets/{key_of(row)}/export")
    assert "attachment" in response["Content-Disposition"]
    row.delete()
    file = SimpleUploadedFile("x.yaml", response.content)
    browser.post("/presets/import", {"file": file, "on_clash": "refuse"})
    again = Preset.objects.get()
    assert (again.name, again.parameters, again.notes) == (row.name, row.parameters, row.notes)


def test_it_exports_all_of_an_engine(browser: Client) -> None:
    content = browser.get("/presets/export?runtime=vllm").content.decode()
    assert [name for preset in presets_for("vllm") if (name := preset.name) not in content] == []
    assert browser.get("/presets/export?runtime=none").status_code == 404


def test_it_asks_what_to_do_where_a_name_is_taken(browser: Client) -> None:
    make_preset("ours")
    file = SimpleUploadedFile(
        "x.yaml", b"name: ours\nbase_runtime: llamacpp\nparameters: {threads: [3]}\n"
    )
    response = browser.post("/presets/import", {"file": file, "on_clash": "refuse"})
    assert response.status_code == 422
    assert "&#x27;ours (2)&#x27; is free" in text_of(response)
    text = response.context["form"]["text"].value()
    assert "threads: [3]" in text
    response = browser.post("/presets/import", {"text": text, "on_clash": "rename"}, follow=True)
    assert "is named &#x27;ours (2)&#x27; here" in text_of(response)
    assert Preset.objects.filter(name="ours (2)").exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a: [", b"x" * 4_000_005])
def test_it_imports_no_rubbish(browser: Client, content: bytes) -> None:
    file = SimpleUploadedFile("x.yaml", content)
    response = browser.post("/presets/import", {"file": file, "on_clash": "refuse"})
    assert response.status_code == 422
    assert "Nothing was imported" in text_of(response)


# Using


def test_it_fills_the_form_of_a_new_task(browser: Client) -> None:
    response = browser.get("/tasks/new?preset=shipped:sglang:quick-look")
    assert response.status_code == 200
    assert response.context["form"].initial["base_runtime"] == "sglang"
    assert "chunked-prefill-size" in text_of(response)


def test_it_says_that_the_preset_of_a_new_task_is_gone(browser: Client) -> None:
    assert "no such preset any more" in said(browser.get("/tasks/new?preset=own:99"))


def test_it_offers_only_tasks_that_can_take_it(browser: Client) -> None:
    fits, runs = make_task(task_name="fits"), running_task()
    make_task(task_name="of another", base_runtime="vllm", parameters={"max-num-seqs": [1, 2]})
    tasks = browser.get("/presets/shipped:llamacpp:latency/merge").context["tasks"]
    assert list(tasks) == [fits]
    assert runs not in tasks


def test_it_merges_by_the_choices(browser: Client) -> None:
    task = make_task(
        parameters={"parallel": [3], "threads": [1]}, fixed_parameters={"ubatch-size": 64}
    )
    path = f"/presets/shipped:llamacpp:quick-look/merge?task={task.pk}"
    text = text_of(browser.get(path))
    assert "disagree on 2 flags" in text
    sent = {"version": 1, "choice.parallel": "mine", "choice.ubatch-size": "preset"}
    response = browser.post(path, sent, follow=True)
    assert response.redirect_chain == [(f"/tasks/{task.pk}/", 302)]
    task.refresh_from_db()
    assert task.version == 2
    assert task.parameters["parallel"] == [3]
    assert task.parameters["ubatch-size"] == [128, 512]
    assert task.fixed_parameters == {}
    assert task.versions.count() == 2


def test_it_keeps_the_secrets_of_the_task(browser: Client) -> None:
    task = make_task(parameters={"threads": [1]}, environment={"HF_TOKEN": "hf_kept"})
    path = f"/presets/shipped:llamacpp:quick-look/merge?task={task.pk}"
    assert b"hf_kept" not in browser.get(path).content
    browser.post(path, {"version": 1})
    task.refresh_from_db()
    assert task.environment == {"HF_TOKEN": "hf_kept"}
    assert "flash-attn" in task.parameters


def test_it_wants_a_choice_for_each_conflict(browser: Client) -> None:
    task = make_task(parameters={"parallel": [3]})
    path = f"/presets/shipped:llamacpp:quick-look/merge?task={task.pk}"
    for wrong in ({}, {"choice.parallel": "both"}):
        response = browser.post(path, {"version": 1} | wrong)
        assert response.status_code == 422
    task.refresh_from_db()
    assert task.version == 1


def test_it_merges_nothing_into_what_was_changed_meanwhile(browser: Client) -> None:
    task = make_task(parameters={"threads": [1]})
    task.replace_spec(task.spec.model_copy(update={"description": "theirs"}), version=1)
    path = f"/presets/shipped:llamacpp:quick-look/merge?task={task.pk}"
    response = browser.post(path, {"version": 1})
    assert response.status_code == 409
    assert "changed meanwhile and is now version 2" in text_of(response)
    assert Task.objects.get().parameters == {"threads": [1]}
    browser.post(path, {"version": 2})
    assert Task.objects.get().version == 3


def test_it_merges_nothing_into_a_task_that_runs(browser: Client) -> None:
    task = make_task(parameters={"threads": [1]})
    task.start()
    path = f"/presets/shipped:llamacpp:quick-look/merge?task={task.pk}"
    response = browser.post(path, {"version": task.version})
    assert response.status_code == 422
    assert "is running" in text_of(response)


def test_it_says_why_a_merged_task_would_not_do(browser: Client) -> None:
    row = make_preset(parameters={"gone": [1]}, notes={}, fixed_parameters={})
    task = make_task()
    response = browser.post(f"/presets/{key_of(row)}/merge?task={task.pk}", {"version": 1})
    assert response.status_code == 422
    assert "llamacpp has no flag &#x27;gone&#x27;" in text_of(response)


def test_it_makes_no_version_where_nothing_changes(browser: Client) -> None:
    row = make_preset(parameters={"threads": [2, 1]}, fixed_parameters={}, notes={})
    task = make_task(parameters={"threads": [1, 2]})
    response = browser.post(
        f"/presets/{key_of(row)}/merge?task={task.pk}", {"version": 1}, follow=True
    )
    assert "Nothing was changed" in said(response)
    assert Task.objects.get().version == 1


@pytest.mark.parametrize("task", ["99", "x", "²", "9" * 30])
def test_it_merges_into_no_task_that_is_none(browser: Client, task: str) -> None:
    path = f"/presets/shipped:llamacpp:quick-look/merge?task={task}"
    assert browser.get(path).status_code == 404


def test_it_merges_into_no_task_of_another_engine(browser: Client) -> None:
    task = make_task()
    assert browser.get(f"/presets/shipped:vllm:latency/merge?task={task.pk}").status_code == 404


def test_it_offers_the_presets_that_a_task_can_take(browser: Client) -> None:
    task = make_task()
    text = text_of(browser.get(f"/presets/?task={task.pk}"))
    assert f"/presets/shipped:llamacpp:latency/merge?task={task.pk}" in text
    assert ">vllm</h2>" not in text
    assert browser.get("/presets/?task=99").status_code == 404


def test_it_leads_from_the_task_to_its_presets(browser: Client) -> None:
    task = make_task()
    text = text_of(browser.get(f"/tasks/{task.pk}/"))
    assert f"/presets/new?task={task.pk}" in text
    assert f"/presets/?task={task.pk}" in text
