import pytest

from tasks_app.builtin import BUILTIN_TASK_NAME, builtin_task
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import validate_spec


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 64, 192])
def test_it_is_a_task_without_a_warning_on_every_machine(
    catalogue: RuntimeCatalogue, cores: int
) -> None:
    spec, warnings = validate_spec(builtin_task(cores), catalogue=catalogue, gpus=0)
    assert warnings == []
    assert spec.task_name == BUILTIN_TASK_NAME


@pytest.mark.parametrize("cores", [1, 2, 4, 64])
def test_it_measures_at_least_twelve_configurations_of_three_flags(
    catalogue: RuntimeCatalogue, cores: int
) -> None:
    spec, _ = validate_spec(builtin_task(cores), catalogue=catalogue)
    size = spec.search_space(0, catalogue.get("llamacpp")).size()
    assert len(spec.parameters) >= 3
    assert size is not None
    assert 12 <= size == spec.optimization.max_iterations


def test_it_tries_the_physical_cores(catalogue: RuntimeCatalogue) -> None:
    for cores in (1, 2, 6):
        spec, _ = validate_spec(builtin_task(cores), catalogue=catalogue)
        assert spec.parameters["threads"].contains(cores)
