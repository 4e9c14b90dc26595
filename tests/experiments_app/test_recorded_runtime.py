"""What a run keeps of the runtime's file, and that it starts the same server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from experiments_app import provenance
from experiments_app.gpu_demand import gpus_needed
from experiments_app.models import Experiment
from experiments_app.recorded_runtime import recorded, recorded_for, to_record
from tasks_app.models import Run
from tasks_app.runtimes import load_runtime
from tasks_app.spec import TaskSpec
from tests.experiments_app.own_engine import install_runtime, paced_data
from tests.experiments_app.specs import saved_task, task_data

pytestmark = pytest.mark.django_db
WHERE = {"model_path": "/m", "served_model_name": "m", "host": "127.0.0.1", "port": 8000}


@pytest.fixture
def own_runtimes() -> Iterator[None]:
    yield
    for file in settings.HOME.runtimes.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("llamacpp", {"threads": 2, "flash-attn": "off", "cont-batching": False}),
        (
            "vllm",
            {
                "tensor-parallel-size": 2,
                "enable-prefix-caching": False,
                "compilation-config.cudagraph_mode": "NONE",
            },
        ),
        ("sglang", {"tp-size": 2, "dp-size": 2, "disable-radix-cache": True}),
    ],
)
def test_it_starts_the_same_server(name: str, flags: dict[str, Any]) -> None:
    searched, *fixed = flags.items()
    parameters = {searched[0]: [searched[1]]}
    spec = TaskSpec.from_data(
        task_data(base_runtime=name, parameters=parameters, fixed_parameters=dict(fixed))
    )
    told = json.loads(json.dumps(to_record(spec)))  # as the database keeps it
    runtime, today = recorded(Run(provenance={"runtime": told})), load_runtime(name)
    assert runtime is not None
    assert runtime.command_line(flags, **WHERE) == today.command_line(flags, **WHERE)  # type: ignore[arg-type]
    inside = [one.container_command_line(flags, **WHERE) for one in (runtime, today)]  # type: ignore[arg-type]
    assert inside[0] == inside[1]
    assert runtime.device_count(flags) == today.device_count(flags)
    assert (runtime.environment, runtime.image) == (today.environment, today.image)
    assert len(json.dumps(told)) < 3000


def test_a_file_that_was_changed_since_changes_nothing_but_for_what_is_run_anew(
    own_runtimes: None,
) -> None:
    then = {"MODE": "fast", "API_KEY": "sesame4711"}
    install_runtime(settings.HOME.runtimes, environment=then, devices="1")
    spec = TaskSpec.from_data(paced_data())
    run = Run(provenance={"runtime": to_record(spec)})
    assert "sesame4711" not in json.dumps(run.provenance)
    now = {"MODE": "slow", "API_KEY": "newer"}
    install_runtime(settings.HOME.runtimes, environment=now, command=["other", "{port}"])
    runtime = recorded_for(Experiment(purpose="verify"), run)
    assert runtime is not None
    assert "other" not in runtime.command
    assert runtime.environment == {"MODE": "fast", "API_KEY": "newer"}
    assert recorded_for(Experiment(purpose="search"), run) is None


def test_a_start_records_it_and_a_verification_leases_by_it(own_runtimes: None) -> None:
    install_runtime(settings.HOME.runtimes, devices="2")
    task = saved_task(**paced_data())
    task.start(gpus=2)
    provenance.record(task)
    install_runtime(settings.HOME.runtimes, devices="4")
    made = [
        Experiment.objects.create(task=task, run=1, number=0, repeat=repeat, purpose=purpose)
        for repeat, purpose in enumerate(("search", "verify"), start=1)
    ]
    assert [gpus_needed(one.pk) for one in made] == [4, 2]


@pytest.mark.parametrize("kept", [None, {}, {"runtime": None}, {"runtime": {"name": "x"}}])
def test_what_was_not_recorded_is_not_made_up(kept: Any) -> None:
    assert recorded(Run(provenance=kept)) is None
