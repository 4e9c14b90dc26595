"""One more try for what failed out of memory, with a flag changed as the runtime's file says."""

from typing import Any

import pytest

from experiments_app.engine_error import FailureKind
from experiments_app.models import Experiment
from experiments_app.repair import RepairTry, find_repair
from experiments_app.results import experiment_data
from experiments_app.scheduler import advance, search_space
from tasks_app.expressions import Scalar
from tasks_app.models import Task
from tasks_app.runtimes import site_runtimes
from tasks_app.runtimes.repair import Repair
from tasks_app.spec import TaskSpec
from tests.experiments_app.specs import saved_task, task_data

Status = Experiment.Status
NO_CACHE = "No available memory for the cache blocks. Try increasing gpu_memory_utilization."
CUDA = "torch.OutOfMemoryError: CUDA out of memory"


def repair_for(
    parameters: dict[str, Scalar],
    *,
    runtime: str = "vllm",
    searched: dict[str, Any] | None = None,
    kind: str = "out_of_gpu_memory",
    error: str = CUDA,
    before: tuple[dict[str, Scalar], ...] = (),
    **changes: Any,
) -> RepairTry | None:
    """What is tried after an experiment with these parameters failed; `before`: what was tried."""
    data = task_data(
        base_runtime=runtime,
        deployment_mode="docker",
        parameters=searched or {"max-num-seqs": [64, 128, 256]},
        **changes,
    )
    spec = TaskSpec.from_data(data)
    experiments = [Experiment(number=0, pk=1, status=Status.SUCCESS)]
    experiments += [
        Experiment(number=n, pk=n + 1, parameters=tried, status=Status.SUCCESS)
        for n, tried in enumerate(before, start=1)
    ]
    last = len(experiments)
    experiments.append(
        Experiment(
            number=last,
            pk=last + 1,
            parameters=parameters,
            status=Status.FAILED,
            error_kind=kind,
            error=error,
        )
    )
    return find_repair(spec, site_runtimes().get(runtime), search_space(spec, 1), experiments)


def changed(found: RepairTry | None, flag: str) -> Scalar:
    assert found is not None
    return found.configuration[flag]


def test_a_flag_that_is_not_searched_is_added_with_less_memory() -> None:
    found = repair_for({"max-num-seqs": 64})
    assert found is not None
    assert found.configuration == {"max-num-seqs": 64, "gpu-memory-utilization": 0.82}
    assert found.reason == (
        "repairs #1: out of GPU memory with the default gpu-memory-utilization, tried with 0.82"
    )


def test_where_the_cache_has_no_room_the_share_of_memory_is_raised() -> None:
    found = repair_for({"max-num-seqs": 64}, error=NO_CACHE)
    assert changed(found, "gpu-memory-utilization") == 0.97


def test_a_searched_flag_gets_a_value_of_its_domain() -> None:
    def tried(domain: Any, value: float) -> Scalar:
        found = repair_for(
            {"mem-fraction-static": value},
            runtime="sglang",
            searched={"mem-fraction-static": domain},
        )
        return changed(found, "mem-fraction-static")

    assert tried({"low": 0.6, "high": 0.9, "step": 0.05}, 0.9) == 0.8
    assert tried([0.6, 0.85, 0.9], 0.9) == 0.6
    assert tried([0.85, 0.9], 0.9) == 0.85
    assert tried({"low": 0.85, "high": 0.95}, 0.95) == 0.85


def test_where_the_domain_has_nothing_less_the_next_way_is_tried() -> None:
    found = repair_for(
        {"mem-fraction-static": 0.7},
        runtime="sglang",
        searched={"mem-fraction-static": [0.7, 0.9]},
    )
    assert found is not None
    assert found.configuration == {"mem-fraction-static": 0.7, "cuda-graph-max-bs-decode": 64}


def test_a_fixed_flag_is_never_changed() -> None:
    fixed: dict[str, Scalar] = {"gpu-memory-utilization": 0.9}
    found = repair_for({**fixed, "max-num-seqs": 256}, fixed_parameters=fixed)
    assert found is not None
    assert found.configuration == {"gpu-memory-utilization": 0.9, "max-num-seqs": 128}


def test_it_obeys_the_constraints() -> None:
    found = repair_for(
        {"gpu-memory-utilization": 0.9, "max-num-seqs": 256},
        searched={"gpu-memory-utilization": [0.7, 0.8, 0.9], "max-num-seqs": [128, 256]},
        constraints=["gpu-memory-utilization >= 0.9"],
    )
    assert found is not None
    assert found.configuration == {"gpu-memory-utilization": 0.9, "max-num-seqs": 128}


def test_what_was_tried_already_is_not_tried_again() -> None:
    searched = {"gpu-memory-utilization": [0.8, 0.9]}
    found = repair_for(
        {"gpu-memory-utilization": 0.9},
        searched=searched,
        before=({"gpu-memory-utilization": 0.8},),
    )
    assert found is not None
    assert found.configuration["gpu-memory-utilization"] == 0.9
    assert found.configuration["max-num-seqs"] == 128


@pytest.mark.parametrize("kind", ["crashed", "bad_flag", "time_out", "out_of_memory"])
def test_what_the_runtime_knows_no_remedy_for_is_not_tried_again(kind: str) -> None:
    assert repair_for({"max-num-seqs": 64}, kind=kind) is None


def test_it_can_be_turned_off() -> None:
    assert repair_for({"max-num-seqs": 64}, optimization={"repair": False}) is None


def test_a_flag_whose_condition_is_not_met_stays_left_out() -> None:
    searched = {
        "max-num-seqs": [64, 128],
        "gpu-memory-utilization": {"values": [0.7, 0.9], "when": "max-num-seqs > 64"},
    }
    found = repair_for({"max-num-seqs": 64}, searched=searched)
    assert found is None or "gpu-memory-utilization" not in found.configuration


@pytest.mark.parametrize("name", site_runtimes().names)
def test_the_shipped_runtimes_name_kinds_that_there_are(name: str) -> None:
    for repair in site_runtimes().get(name).repairs:
        assert set(repair.kinds) <= set(FailureKind)


@pytest.mark.parametrize(
    ("change", "value", "becomes"),
    [
        ({"add": -0.1}, 0.9, 0.8),
        ({"add": -0.1, "at_least": 0.3}, 0.35, 0.3),
        ({"add": -0.1, "at_least": 0.3}, 0.3, None),
        ({"add": 0.05, "at_most": 0.97}, 0.95, 0.97),
        ({"times": 0.5}, 4096, 2048.0),
        ({"times": 0.5, "unset": 512}, None, 512),
        ({"times": 0.5, "unset": 512}, 0, 512),
        ({"times": 0.5}, None, None),
        ({"times": 0.5}, "auto", None),
    ],
)
def test_a_repair_says_what_becomes_of_a_value(
    change: dict[str, Any], value: Scalar, becomes: float | None
) -> None:
    assert Repair(kinds=["out_of_memory"], flag="x", **change).target(value) == becomes


# In a run


def end(experiment: Experiment | None, status: Status, **changes: Any) -> Experiment:
    assert experiment is not None
    if status is Status.SUCCESS:
        changes = {"objective_score": 1.0, "feasible": True} | changes
    Experiment.objects.filter(pk=experiment.pk).update(status=status, **changes)
    return experiment


def out_of_memory(experiment: Experiment | None) -> Experiment:
    return end(experiment, Status.FAILED, error_kind="out_of_memory", error="std::bad_alloc")


def started(**changes: Any) -> Task:
    task = saved_task(
        parameters={"threads": {"low": 1, "high": 50}, "ctx-size": [1024, 4096, 16384]},
        **{"optimization": {"max_iterations": 4}, **changes},
    )
    task.start()
    return task


@pytest.mark.django_db
def test_a_failed_experiment_is_repaired_once_as_an_experiment_of_its_own() -> None:
    task = started()
    end(advance(task.pk), Status.SUCCESS)
    broken = advance(task.pk)
    assert broken is not None
    Experiment.objects.filter(pk=broken.pk).update(parameters={"threads": 3, "ctx-size": 16384})
    out_of_memory(broken)
    mended = out_of_memory(advance(task.pk))
    assert (mended.number, mended.repair_of) == (2, broken)
    assert mended.parameters == {"threads": 3, "ctx-size": 4096}
    assert mended.reason == "repairs #1: out of memory with ctx-size 16384, tried with 4096"
    assert experiment_data(mended)["repair_of"] == 1
    following = advance(task.pk)
    assert following is not None
    assert following.repair_of is None
    assert experiment_data(following)["repair_of"] is None


@pytest.mark.django_db
def test_repairs_count_against_the_budget() -> None:
    task = started()
    numbers = []
    end(advance(task.pk), Status.SUCCESS)
    while experiment := advance(task.pk):
        numbers.append(experiment.number)
        out_of_memory(experiment)
    assert numbers == [1, 2, 3, 4]


@pytest.mark.django_db
def test_the_baseline_is_repaired_and_stays_failed() -> None:
    task = started()
    out_of_memory(advance(task.pk))
    mended = end(advance(task.pk), Status.SUCCESS)
    assert mended.parameters == {"ctx-size": 4096}
    assert mended.reason == (
        "repairs the baseline: out of memory with the default ctx-size, tried with 4096"
    )
    assert Experiment.objects.get(task=task, number=0).status == Status.FAILED


@pytest.mark.django_db
def test_a_flag_outside_the_space_tells_the_search_nothing_of_the_configuration() -> None:
    task = saved_task(parameters={"threads": [1, 2]}, optimization={"max_iterations": 9})
    task.start()
    end(advance(task.pk), Status.SUCCESS)
    seen = []
    while experiment := advance(task.pk):
        seen.append(dict(experiment.parameters))
        if experiment.repair_of is None:
            out_of_memory(experiment)
        else:
            end(experiment, Status.SUCCESS)
    threads = [parameters["threads"] for parameters in seen]
    assert sorted(threads) == [1, 1, 2, 2]
    assert [parameters.get("ctx-size") for parameters in seen] == [None, 4096, None, 4096]
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED
