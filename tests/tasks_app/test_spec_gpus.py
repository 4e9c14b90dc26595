from typing import Any

from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.spec_gpus import gpu_problems
from tests.tasks_app.open_runtime import open_document


def refusals(catalogue: RuntimeCatalogue, gpus: int, **changes: Any) -> list[str]:
    spec = TaskSpec.from_data(open_document(**changes))
    found = gpu_problems(spec, catalogue.get(spec.base_runtime), gpus)
    return [str(problem) for problem in found]


def warnings(catalogue: RuntimeCatalogue, gpus: int, **changes: Any) -> list[str]:
    _, found = validate_spec(open_document(**changes), catalogue=catalogue, gpus=gpus)
    return [str(warning) for warning in found]


def test_a_baseline_that_needs_more_gpus_than_there_are_cannot_start(
    open_catalogue: RuntimeCatalogue,
) -> None:
    changes = {"parameters": {"page-size": [1, 2]}, "fixed_parameters": {"tp-size": 5}}
    assert refusals(open_catalogue, 4, **changes) == [
        (
            "fixed_parameters.tp-size: the baseline needs 5 GPUs, this host has 4 GPUs"
            " (start it on a host that has them)"
        )
    ]
    assert refusals(open_catalogue, 5, **changes) == []


def test_a_task_for_gpus_can_be_written_on_a_machine_without(
    open_catalogue: RuntimeCatalogue,
) -> None:
    message = (
        "base_runtime: the baseline needs 1 GPU, this host has none"
        " (write use_gpus: false where the engine is to run on the CPU)"
    )
    assert warnings(open_catalogue, 0) == [message]
    assert refusals(open_catalogue, 0) == [message]


def test_it_warns_of_configurations_that_are_left_out(open_catalogue: RuntimeCatalogue) -> None:
    parameters = {"tp-size": [1, 2, 4], "page-size": [1, 16]}
    assert warnings(open_catalogue, 2, parameters=parameters) == [
        "parameters: 2 of 6 configurations are left out on this host, which has 2 GPUs"
    ]
    assert warnings(open_catalogue, 4, parameters=parameters) == []
    assert refusals(open_catalogue, 2, parameters=parameters) == []


def test_a_search_that_only_needs_more_gpus_cannot_start(open_catalogue: RuntimeCatalogue) -> None:
    assert refusals(open_catalogue, 1, parameters={"tp-size": [2, 4]}) == [
        (
            "parameters: every configuration needs more GPUs than this host has (1)"
            " (start it on a host that has them)"
        )
    ]


def test_a_constraint_of_the_task_s_own_counts_this_host_s_gpus(
    open_catalogue: RuntimeCatalogue,
) -> None:
    assert refusals(open_catalogue, 3, constraints=["tp-size == gpus"]) == [
        (
            "constraints[0]: 'tp-size == gpus' holds for no configuration on this host,"
            " which has 3 GPUs"
        )
    ]


def test_without_gpus_in_use_their_number_does_not_matter(
    open_catalogue: RuntimeCatalogue,
) -> None:
    assert warnings(open_catalogue, 0, use_gpus=False) == []
    spec = TaskSpec.from_data(open_document(use_gpus=False))
    assert spec.search_space(0, open_catalogue.get("open-engine")).size() == 3
