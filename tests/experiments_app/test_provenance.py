import json
from typing import Any

import pytest

from experiments_app import gpus, lifecycle, provenance
from experiments_app.models import Experiment, Measurement
from experiments_app.provenance_words import lines, sections
from experiments_app.results import RunResults
from tests.experiments_app.fake_nvml import GIB, FakeGpu, FakeNvml, install
from tests.factories import completed_task, make_task

pytestmark = pytest.mark.django_db


def test_it_keeps_what_a_run_starts_with(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml(FakeGpu("GPU-a", power_limit_w=650.0), driver="570.1"))
    task = make_task()
    lifecycle.start_task(task, wake_consumer=False)
    kept = task.runs.get().provenance
    assert kept is not None
    assert kept["versions"]["genai-bench"] == "0.0.5"
    assert kept["versions"]["driver"] == "570.1"
    assert {"autotuner", "python", "xllamacpp"} <= kept["versions"].keys()
    assert kept["hardware"]["memory_bytes"] > 0
    (gpu,) = kept["hardware"]["gpus"]
    assert gpu == {
        "name": "NVIDIA H100 80GB HBM3",
        "memory_bytes": 80 * GIB,
        "power_limit_w": 650.0,
    }
    assert gpus.find_gpus()[0].power_limit_w == 650.0


def test_it_keeps_no_secret(settings: Any) -> None:
    settings.HTTPS_PROXY = "http://ada:hunter2@proxy.example:3128"
    settings.HF_TOKEN = "hf_planted_token"
    task = make_task(environment={"MY_TOKEN": "planted-too"})
    lifecycle.start_task(task, wake_consumer=False)
    text = json.dumps(provenance.whole(task.runs.get()))
    assert "proxy.example" in text
    assert not [secret for secret in ("hunter2", "planted") if secret in text]


def test_it_reads_from_the_experiments_what_only_they_tell() -> None:
    task = completed_task((50.0, 60.0))
    rows = Experiment.objects.of_run(task).order_by("number")
    rows.update(engine_version="b4000", driver_version="570.1")
    rows.filter(number=1).update(engine_version="b4001")
    Measurement.objects.filter(experiment__in=rows).update(conditions={"prompts": "abc"})
    seen = provenance.whole(task.runs.get())["observed"]
    assert seen["engine_versions"] == ["b4000", "b4001"]
    assert seen["drivers"] == ["570.1"]
    assert seen["images"] == []
    assert seen["prompts"] == {"D(100,50) × 8": "abc"}


def test_the_results_carry_it() -> None:
    data = RunResults(completed_task((50.0,))).to_data()
    assert data["provenance"]["seed"] == 0


def test_it_is_told_in_lines() -> None:
    told: dict[str, Any] = {
        "versions": {"python": "3.11.7"},
        "hardware": {
            "cpu": "Xeon",
            "physical_cores": 2,
            "logical_cores": 4,
            "memory_bytes": 8 * GIB,
            "gpus": [{"name": "H100", "memory_bytes": 80 * GIB, "power_limit_w": 700.0}],
        },
        "observed": {"images": ["a/b@sha256:1"], "prompts": {"D(1,2) × 4": "abc"}},
        "seed": 3,
    }
    assert lines(told) == {
        "Measured with: Image": "a/b@sha256:1",
        "Versions: python": "3.11.7",
        "Hardware: CPU": "Xeon",
        "Hardware: Cores": "2 (4 with hyper-threads)",
        "Hardware: Memory": "8.0 GiB",
        "Hardware: GPU 0": "H100, 80.0 GiB, held to 700 W",
        "Model and load: Seed": "3",
        "Model and load: Prompts of D(1,2) × 4": "abc",
    }
    assert sections({}) == []
