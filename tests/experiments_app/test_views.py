from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from experiments_app.models import Experiment
from tests import factories
from tests.experiments_app.fake_nvml import FakeGpu, FakeNvml, install
from tests.factories import completed_task, running_task
from tests.finals import confirmed_task

pytestmark = pytest.mark.django_db


def page(browser: Client, experiment: Experiment) -> str:
    response: Any = browser.get(f"/experiments/{experiment.pk}/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_it_shows_command_phases_and_measurements(browser: Client) -> None:
    task = completed_task()
    text = page(browser, task.experiments.get(number=10))
    assert "--threads=2 --parallel=4 --ubatch-size=512" in text
    assert "28.9 s" in text
    assert "D(100,50)" in text
    assert "+115.5%" in text
    assert f'href="/tasks/{task.pk}/"' in text
    assert "data-hx-trigger" not in text


def test_it_shows_why_an_experiment_failed(browser: Client) -> None:
    text = page(browser, factories.failed_task().experiments.get(number=1))
    assert "Model not found" in text
    assert "/models/gone.gguf: no such file" in text


def test_it_shows_which_slo_is_missed(browser: Client) -> None:
    text = page(browser, factories.infeasible_task().experiments.get(number=0))
    assert "Not feasible: TTFT p99" in text


def test_what_was_measured_once_more_is_not_called_infeasible(browser: Client) -> None:
    repeats = confirmed_task().experiments.filter(repeat__gt=1, status="success")
    text = page(browser, repeats[0])
    assert "started and measured once more" in text
    assert "Not feasible" not in text


def test_it_says_why_one_was_pruned_and_shows_what_was_measured(browser: Client) -> None:
    task = factories.pruned_task()
    text = page(browser, task.experiments.get(number=3))
    assert "<strong>Pruned:</strong> cannot beat #2: at most 82.4 output tokens/s" in text
    assert "at most 82.4" in text
    assert 'id="measurements-heading"' in text
    infeasible = page(browser, task.experiments.get(number=4))
    assert "cannot hold the SLO, as #2 does" in infeasible
    assert "<dt>Meets the SLO</dt> <dd>no</dd>" in infeasible


def test_it_shows_the_load_that_was_found(browser: Client) -> None:
    task = factories.searched_task()
    text = page(browser, task.experiments.get(number=1))
    assert "<dt>D(100,100)</dt> <dd>carries 24 requests at once (saturated)</dd>" in text
    text = page(browser, task.experiments.get(number=3))
    assert "carries at least 8 requests at once (budget spent)" in text


def test_it_follows_a_running_experiment(browser: Client) -> None:
    text = page(browser, running_task().experiments.get(number=4))
    assert "data-hx-trigger" in text
    assert "Measuring D(100,50) at concurrency 8" in text


def test_it_shows_an_experiment_that_waits(browser: Client) -> None:
    task = running_task()
    assert "Waiting for a worker" in page(browser, factories.make_experiment(task, 5))


def test_it_shows_the_end_of_the_engine_log(browser: Client, tmp_path: Path) -> None:
    experiment = completed_task((50.0,)).experiments.get()
    log = tmp_path / "server.log"
    log.write_text("x\n" * 50_000 + "<i>ready</i>\n")
    Experiment.objects.filter(pk=experiment.pk).update(log_path=str(log))
    text = page(browser, experiment)
    assert "&lt;i&gt;ready&lt;/i&gt;" in text
    assert len(text) < 100_000
    whole = browser.get(f"/experiments/{experiment.pk}/log")
    assert len(b"".join(whole)) == log.stat().st_size


def test_it_leads_back_to_the_run_of_the_experiment(browser: Client) -> None:
    task = completed_task((50.0,))
    experiment = task.experiments.get()
    task.restart()
    assert f"/tasks/{task.pk}/?run=1" in page(browser, experiment)


def test_it_shows_what_was_started_and_on_what(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeNvml(FakeGpu("GPU-1a2b3c4d-77", name="NVIDIA H100")))
    task = completed_task(
        (50.0,), deployment_mode="docker", runtime_image="registry.local/llamacpp:1"
    )
    gpus = ("GPU-1a2b3c4d-77", "GPU-gone-5")
    text = page(browser, factories.with_usage(task.experiments.get(), gpus))
    assert "registry.local/llamacpp:1" in text
    assert "lmsysorg/sglang@sha256:6f1a" in text
    assert "GPU 0 · NVIDIA H100 · GPU-1a2b3c4d<br>GPU-gone" in text
    assert "570.86.15" in text
    assert "3f9c3f9c3f9c</dd>" in text


def test_it_shows_what_the_server_used(browser: Client) -> None:
    text = page(browser, factories.with_usage(completed_task((50.0,)).experiments.get()))
    assert "<figcaption>Processor cores</figcaption> <svg" in text
    assert "Memory over 37 s. While measuring, 0.8000 GiB on average" in text


def test_it_shows_no_usage_where_none_was_sampled(browser: Client) -> None:
    assert "Usage" not in page(browser, completed_task((50.0,)).experiments.get())


def test_it_leads_to_its_neighbours_and_compares(browser: Client) -> None:
    task = completed_task((50.0, 60.0, 55.0))
    first, best, last = task.experiments.order_by("number")
    text = page(browser, last)
    assert f'rel="prev" href="/experiments/{best.pk}/"' in text
    assert 'rel="next"' not in text
    assert f"/tasks/{task.pk}/compare?run=1&amp;experiment=0&amp;experiment=2" in text
    assert f"/tasks/{task.pk}/compare?run=1&amp;experiment=1&amp;experiment=2" in text
    assert "★ best" in page(browser, best)
    assert "Compare with the default" not in page(browser, first)


def test_it_shows_the_steps_of_one_that_runs(browser: Client) -> None:
    assert 'aria-current="step"' in page(browser, running_task().experiments.get(number=4))


def test_a_poll_gets_nothing_where_nothing_is_new(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr("experiments_app.following.timezone.now", lambda: now)
    experiment = running_task().experiments.get(number=4)
    path = f"/experiments/{experiment.pk}/"
    first: Any = browser.get(path, headers={"HX-Request": "true"})
    headers = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert browser.get(path, headers=headers).status_code == 304
    experiment.write("factory", progress={"phase": "stopping"})
    assert browser.get(path, headers=headers).status_code == 200


def test_a_poll_of_a_deleted_one_loads_the_page_anew(browser: Client) -> None:
    response: Any = browser.get("/experiments/999/", headers={"HX-Request": "true"})
    assert response["HX-Refresh"] == "true"


def test_it_finds_lines_of_the_engine_log(browser: Client, tmp_path: Path) -> None:
    experiment = completed_task((50.0,)).experiments.get()
    log = tmp_path / "server.log"
    log.write_text("loading\nready <now>\n")
    Experiment.objects.filter(pk=experiment.pk).update(log_path=str(log))
    text = browser.get(f"/experiments/{experiment.pk}/log?q=READY").content.decode()
    assert "<mark>ready</mark> &lt;now&gt;" in text
