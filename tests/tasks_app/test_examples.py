from pathlib import Path

import pytest

from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.taskfile import load_task_file

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_it_has_an_example_for_each_runtime(catalogue: RuntimeCatalogue) -> None:
    tasks = [load_task_file(path, catalogue=catalogue)[0] for path in EXAMPLES.glob("*.yaml")]
    assert {task.base_runtime for task in tasks} == set(catalogue.names)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_a_task_without_a_warning(path: Path, catalogue: RuntimeCatalogue) -> None:
    spec, warnings = load_task_file(path, catalogue=catalogue)
    assert warnings == []
    assert spec.deployment_mode == "docker"
    runtime = catalogue.get(spec.base_runtime)
    assert set(spec.parameters) <= set(runtime.flags)
    size = spec.search_space(1, runtime).size()
    assert size is None or size > spec.optimization.max_iterations
