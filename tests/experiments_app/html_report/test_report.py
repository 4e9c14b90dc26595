"""The report of a run: what it says, that it says it alone, and that it says nothing else."""

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from experiments_app.answers import take_as_answer
from experiments_app.html_report import page
from experiments_app.html_report.page import NotStarted, report_html
from experiments_app.html_report.raw_data import rounded
from experiments_app.models import Experiment, Measurement
from experiments_app.results import RunResults
from tasks_app.models import Task
from tests import factories, finals
from tests.chart_factories import run_of

pytestmark = pytest.mark.django_db
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)><!--"
KINDS: Mapping[str, Callable[[], Task]] = {
    "completed": factories.completed_task,
    "running": factories.running_task,
    "failed": factories.failed_task,
    "infeasible": factories.infeasible_task,
    "cancelled": factories.cancelled_task,
    "pruned": factories.pruned_task,
    "load found": factories.searched_task,
    "confirmed": finals.confirmed_task,
    "in its final": finals.task_in_final,
}


class Parts(HTMLParser):
    """Elements by their tags, and all ids and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "action", "srcset", "poster", "data"}:
                self.addresses.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)


def data_in(report: str) -> Any:
    """The raw data, read as the report says that they are."""
    return json.loads(re.search(r'id="results">(.*?)</script>', report, re.S)[1])  # type: ignore[index]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts take a second or two, and say nothing of the rest."""
    monkeypatch.setattr("experiments_app.html_report.contents.drawings_of", lambda _overview: [])


def exported(task: Task) -> Any:
    return json.loads(json.dumps(RunResults(task).to_data()))


def text_of(report: str) -> str:
    """What it shows, tags left out."""
    shown = re.sub(r"<(style|script)\b.*?</\1>", "", report, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_what_export_results_prints(kind: str) -> None:
    task = KINDS[kind]()
    report = report_html(task)
    found, wanted = data_in(report), exported(task)
    if kind in {"running", "in its final"}:  # what it has cost so far has grown
        assert found.pop("spent").keys() == wanted.pop("spent").keys()
    assert found == wanted
    assert_alone(Parts(report))


def assert_alone(parts: Parts) -> None:
    """It leads nowhere but to itself, and nothing in it runs."""
    assert parts.addresses
    outside = [one for one in parts.addresses if one.removeprefix("#") not in {"main", *parts.ids}]
    assert outside == []
    assert len(parts.ids) == len(set(parts.ids))
    assert parts.handlers == []
    assert parts.tags.count("script") == 1  # the data
    assert not {"link", "iframe", "object", "img", "form", "base"} & set(parts.tags)


@pytest.mark.usefixtures("undrawn")
def test_its_policy_allows_its_style_sheet_and_nothing_else() -> None:
    report = report_html(factories.completed_task())
    style = re.search(r"<style>(.*?)</style>", report, re.S)[1]  # type: ignore[index]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', report)[1]  # type: ignore[index]
    assert html.unescape(policy) == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.usefixtures("undrawn")
def test_it_tells_the_answer_and_how_sure_it_is() -> None:
    text = text_of(report_html(finals.confirmed_task()))
    assert "+31.0% more output tokens per second than the default (95%: 27% to 35%)" in text
    assert "Experiment 3 is better than the default by 31.0% (95%: 27% to 35%)." in text
    assert "in turn. 95 of 100 such intervals hold the true gain" in text
    assert "--threads" in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("tie", "A tie among #3 and #4"),
        ("default", "Nothing beats the default"),
        ("noisy", "Too noisy to say whether anything beats the default"),
        ("unconfirmed", "not confirmed"),
        ("infeasible", "Nothing meets the SLO the closest misses it: TTFT p99"),
        ("drift", "This machine changed during the run"),
        ("undo", "needed: worse without it"),
    ],
)
def test_it_tells_each_end_of_a_final(kind: str, told: str) -> None:
    assert told in text_of(report_html(finals.confirmed_task(kind)))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("running", "The run had not ended when this report was made"),
        ("failed", "3 of 3 experiments failed: model not found 3×"),
        ("cancelled", "The run ended as cancelled"),
    ],
)
def test_it_says_what_to_know_before_believing_it(kind: str, told: str) -> None:
    assert told in text_of(report_html(KINDS[kind]()))


@pytest.mark.usefixtures("undrawn")
def test_it_says_what_was_chosen_instead_of_the_best() -> None:
    task = factories.completed_task()
    take_as_answer(task, 1, 3)
    text = text_of(report_html(task))
    assert "Chosen configuration experiment 3" in text
    assert "experiment 3 was taken as the answer" in text


@pytest.mark.usefixtures("undrawn")
def test_it_marks_levels_of_the_answer_and_of_the_default_that_are_not_sure() -> None:
    task = factories.completed_task((50.0, 60.0))
    Measurement.objects.filter(experiment__number=1).update(
        num_cut_off=2, conditions={"disturbed_by": "a backup took the processor"}
    )
    text = text_of(report_html(task))
    assert "D(100,50) × 8 of experiment 1: disturbed: a backup took the processor" in text
    assert "D(100,50) × 8 of experiment 1: cut off: 2 of 24 answers" in text


@pytest.mark.usefixtures("undrawn")
def test_it_says_that_the_circumstances_were_not_the_same_for_all() -> None:
    task = factories.completed_task((50.0, 60.0))
    for number, version in enumerate(("0.5.1", "0.5.2")):
        Experiment.objects.filter(number=number).update(engine_version=version)
    for number, prompts in enumerate(("aa", "bb")):
        Measurement.objects.filter(experiment__number=number).update(
            conditions={"prompts": prompts}
        )
    text = text_of(report_html(task))
    assert "The run used several versions of the engine: 0.5.1; 0.5.2" in text
    assert "Not all experiments had the same requests at D(100,50) × 8" in text


@pytest.mark.usefixtures("undrawn")
def test_it_says_how_it_was_measured() -> None:
    task = finals.confirmed_task()
    task.runs.update(
        provenance={
            "versions": {"driver": "570.86.15"},
            "hardware": {"cpu": "EPYC 9654", "gpus": [{"name": "H200", "memory_bytes": 2**37}]},
            "model_revision": "abc123",
        }
    )
    Experiment.objects.filter(number=0).update(image_digest="sglang@sha256:6f1a")
    Measurement.objects.update(conditions={"prompts": "9f86d081"})
    text = text_of(report_html(task))
    for told in (
        "driver 570.86.15", "CPU EPYC 9654", "GPU 0 H200, 128 GiB", "Model revision abc123",
        "Image sglang@sha256:6f1a", "Prompts of D(100,50) × 8 9f86d081", "Seed 0",
        "100 tokens in, 50 out", "the same requests in the same order", "task_name: smollm2",
        "6 of 6 planned", "for the final",
    ):  # fmt: skip
        assert told in text, told


def test_its_charts_lead_to_the_rows_of_its_table() -> None:
    report = report_html(factories.completed_task())
    assert_alone(Parts(report))
    links = re.findall(r"<svg.*?</svg>", report, re.S)
    clips = set(re.findall(r'<clipPath id="([\w-]+)"><path [^>]*d="', report))
    assert clips == set(re.findall(r'clip-path="url\(#([\w-]+)\)"', report)) != set()
    leading = [link for svg in links for link in re.findall(r'href="#experiment-(\d+)"', svg)]
    assert len(set(leading)) == len(factories.SCORES)
    assert report.count('class="chart-wide"') == report.count('class="chart-narrow"') == 7


def test_several_objectives_have_their_front() -> None:
    names = ["throughput", "ttft_mean"]
    task = factories.completed_task((50.0, 60.0), optimization={"objectives": names})
    Experiment.objects.filter(number=1).update(scores={"throughput": 60.0, "ttft_mean": 0.4})
    text = text_of(report_html(task))
    assert "nothing is better in one objective" in text
    assert "Traded against one another Throughput, TTFT mean" in text


def test_what_a_user_wrote_stays_text() -> None:
    task = factories.completed_task(
        (50.0, 60.0), task_name=f"a {HOSTILE}", description=HOSTILE, model={"id_or_path": HOSTILE}
    )
    Experiment.objects.update(
        parameters={HOSTILE: HOSTILE, "threads": 2}, reason=HOSTILE, engine_version=HOSTILE
    )
    factories.fail(factories.make_experiment(task, 2), "crashed", HOSTILE)
    report = report_html(task)
    parts = Parts(report)
    assert parts.tags.count("script") == 1
    assert "img" not in parts.tags
    assert "</script><script>" not in report
    assert data_in(report) == exported(task)
    assert f"a {HOSTILE}" in html.unescape(report)


@pytest.mark.usefixtures("undrawn")
def test_no_secret_is_in_it() -> None:
    secret = {"HF_TOKEN": "hf_very_secret", "URL": "http://ada:very_secret@proxy"}
    report = report_html(factories.completed_task((50.0,), environment=secret))
    assert "very_secret" not in report
    assert "HF_TOKEN" in report


def test_button_and_command_give_the_same(browser: Client, tmp_path: Path) -> None:
    task = finals.confirmed_task()
    link = f"/tasks/{task.pk}/report?run=1"
    assert f'href="{link}"' in browser.get(f"/tasks/{task.pk}/").content.decode()
    response = browser.get(link)
    assert "attachment" in response["Content-Disposition"]
    assert "-run-1-report.html" in response["Content-Disposition"]
    told, file = io.StringIO(), tmp_path / "report.html"
    call_command("export_report", task.name, stdout=told)
    call_command("export_report", task.name, number=1, output=file)
    assert response.content.decode() == told.getvalue() == file.read_text()
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("undrawn")
def test_each_run_has_its_own(browser: Client) -> None:
    task = factories.completed_task((50.0, 60.0))
    task.restart()
    assert len(data_in(report_html(task, 1))["experiments"]) == 2
    assert data_in(browser.get(f"/tasks/{task.pk}/report").content.decode())["experiments"] == []


@pytest.mark.parametrize("run", ["3", "0", "x", "-1", "9" * 30])
def test_a_run_that_there_is_not_is_told(browser: Client, run: str) -> None:
    task = factories.completed_task((50.0,))
    assert browser.get(f"/tasks/{task.pk}/report?run={run}").status_code == 404


def test_a_task_that_was_not_started_has_none(browser: Client) -> None:
    task = factories.make_task()
    assert browser.get(f"/tasks/{task.pk}/report").status_code == 404
    with pytest.raises(NotStarted):
        report_html(task)
    with pytest.raises(CommandError, match="no run 1 to report on") as refused:
        call_command("export_report", task.name)
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="no task"):
        call_command("export_report", "nothing of this name")


def test_500_experiments_take_less_than_3_mb() -> None:
    task = run_of(500, measured=500)
    report = report_html(task)
    assert len(report.encode()) < 3_000_000
    assert report.count('<tr id="experiment-') == 500
    assert data_in(report) == exported(task)


@pytest.mark.usefixtures("undrawn")
def test_where_exact_numbers_have_no_room_they_are_rounded_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = factories.completed_task((50.0, 61.23456789))
    whole = report_html(task)
    assert "For the size of this file" not in whole
    monkeypatch.setattr(page, "MOST_BYTES", len(whole) - 1)
    short = report_html(task)
    assert "numbers are rounded to six digits here." in short
    assert data_in(short)["experiments"][1]["objective_score"] == 61.2346
    assert data_in(short) == json.loads(json.dumps(rounded(exported(task))))


@pytest.mark.usefixtures("undrawn")
def test_where_rounded_numbers_have_no_room_figures_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    task = factories.completed_task((50.0, 60.0))
    Measurement.objects.update(conditions={"intervals": {"ttft_p99_s": [0.4, 0.8]}, "tries": 1})
    monkeypatch.setattr(page, "MOST_BYTES", 1_000)
    report = report_html(task)
    assert "conditions of single load levels are left out" in report
    (level,) = data_in(report)["experiments"][1]["measurements"]
    wanted = rounded(exported(task))["experiments"][1]["measurements"][0]
    assert level == wanted | {"conditions": {}, "intervals": {}}
