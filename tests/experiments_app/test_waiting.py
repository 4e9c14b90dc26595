import os
from pathlib import Path

import psutil
import pynvml
import pytest
from django.conf import LazySettings

from experiments_app import gpus, leases, waiting
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from experiments_app.report import ExperimentReport
from experiments_app.scheduler import advance
from experiments_app.waiting import waiting_reason
from tests.experiments_app.fake_nvml import FakeNvml, install, install_gpus
from tests.experiments_app.own_engine import install_runtime
from tests.experiments_app.specs import saved_task
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def engine_on_gpus(settings: LazySettings, tmp_path: Path) -> None:
    settings.AUTOTUNER_HOME = tmp_path
    (tmp_path / "runtimes").mkdir()
    install_runtime(
        tmp_path / "runtimes",
        devices="tp-size",
        flags={"tp-size": {"type": "int", "default": 1}, "page-size": {"type": "int"}},
    )


def pending(name: str, gpus: int = 0) -> Experiment:
    """The baseline of a running task that takes so many GPUs; it is not launched here."""
    task = saved_task(
        task_name=name,
        base_runtime="paced",
        parameters={"page-size": [1, 16]},
        fixed_parameters={"tp-size": gpus} if gpus else {},
        use_gpus=bool(gpus),
    )
    task.start()
    experiment = advance(task.pk)
    assert experiment is not None
    return experiment


def test_nothing_is_in_the_way_of_an_experiment_that_can_be_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_gpus(monkeypatch, 2)
    assert [waiting_reason(pending("a", 2)), waiting_reason(pending("b"))] == ["", ""]


def test_it_names_who_holds_and_who_uses_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = install_gpus(monkeypatch, 3)
    nvml.devices[1].processes = [(os.getpid(), 1 << 30)]
    assert leases.claim(pending("first", 1).pk, gpus=1) is not None
    me = psutil.Process()
    assert waiting_reason(pending("second", 2)) == (
        "waits for 2 GPUs: GPU 0 is held by task first #0;"
        f" GPU 1 is busy with {me.name()} (pid {me.pid}, user {me.username()})"
    )


def test_an_experiment_on_gpus_waits_for_one_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 1)
    assert leases.claim(pending("first").pk, gpus=0) is not None
    assert waiting_reason(pending("second", 1)) == (
        "waits for this machine: task first #0 is measured on its CPU"
    )


def test_an_experiment_on_the_cpu_waits_for_one_on_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 1)
    assert leases.claim(pending("first", 1).pk, gpus=1) is not None
    assert waiting_reason(pending("second")) == (
        "waits for this machine: task first #0 is measured on its GPUs"
    )


def test_it_says_that_this_machine_has_too_few_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 1)
    assert waiting_reason(pending("a", 4)) == "waits for 4 GPUs: this machine has only one"


def test_it_says_why_the_driver_shows_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml(init_error=pynvml.NVML_ERROR_DRIVER_NOT_LOADED))
    reason = waiting_reason(pending("a", 1))
    assert reason.startswith("waits for a GPU: this machine has no GPU; the NVIDIA driver is inst")


def test_it_waits_for_a_driver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = install_gpus(monkeypatch, 1)
    experiment = pending("a", 1)  # when it was planned, the driver answered
    monkeypatch.setattr(gpus, "PAGE_WAIT_S", 0.1)
    monkeypatch.setattr(gpus, "MAX_WAIT_S", 0.2)
    monkeypatch.setattr(waiting, "MAX_AGE_S", 0.1)  # as in earnest, less than a claim waits
    nvml.answers.clear()
    assert leases.claim(experiment.pk, gpus=1) is None
    assert waiting_reason(experiment) == f"waits for a GPU: {gpus.NO_ANSWER}"

    nvml.answers.set()
    wait_for(lambda: leases.claim(experiment.pk, gpus=1), timeout_s=5)


def test_an_experiment_that_was_claimed_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 1)
    experiment = pending("a", 1)
    assert leases.claim(experiment.pk, gpus=1) is not None
    experiment.refresh_from_db()
    assert waiting_reason(experiment) == ""


def test_both_pages_say_what_is_waited_for_and_ask_nvml_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nvml = install_gpus(monkeypatch, 1)
    assert leases.claim(pending("first", 1).pk, gpus=1) is not None
    experiment = pending("second", 1)
    starts = nvml.starts
    reason = "waits for a GPU: GPU 0 is held by task first #0"
    assert reason in TaskOverview.load(experiment.task).words
    assert ExperimentReport.load(experiment).words == reason
    assert nvml.starts - starts <= 1
