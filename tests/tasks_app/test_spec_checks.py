from pathlib import Path
from typing import Any

import pytest

from tasks_app.problems import SpecError
from tasks_app.runtimes import RuntimeCatalogue, load_runtimes
from tasks_app.spec import validate_spec
from tests.tasks_app.open_runtime import (
    OPEN_RUNTIME,
    Document,
    ProblemsWith,
    open_document,
    problems,
)


def test_it_refuses_a_flag_that_is_both_searched_and_fixed(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(fixed_parameters={"threads": 2})
    assert str(problem) == (
        "fixed_parameters.threads: is searched under parameters too (keep it in one of the two)"
    )


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (
            "threads <",
            "constraints[0]: 'threads <': column 10: expected a flag name or a value, found the end",  # noqa: E501
        ),
        ("theads < 4", "constraints[0]: nothing is named 'theads' (did you mean 'threads'?)"),
        (
            "threads-ubatch-size < 4",
            "constraints[0]: nothing is named 'threads-ubatch-size' (a minus sign needs blanks around it: a - b)",  # noqa: E501
        ),
        (
            "flash-attn == on",
            "constraints[0]: nothing is named 'on' (text stands in quotes: \"on\")",
        ),
        (
            "threads < threads-http",
            "constraints[0]: 'threads-http' is not set by this task and has no known default (set threads-http under fixed_parameters)",  # noqa: E501
        ),
        (
            "threads + 1",
            "constraints[0]: 'threads + 1' cannot be evaluated: gives 2, not true or false; compare it with something where threads = 1",  # noqa: E501
        ),
        (
            "4 / (threads - 2) > 0",
            "constraints[0]: '4 / (threads - 2) > 0' cannot be evaluated: column 3: divides by zero where threads = 2",  # noqa: E501
        ),
        ("threads > 8", "constraints[0]: 'threads > 8' holds for no configuration"),
        (
            "flash-attn > 1",
            "constraints[0]: 'flash-attn > 1' cannot be evaluated: column 12: > needs numbers, not 'on' where flash-attn = 'on'",  # noqa: E501
        ),
    ],
)
def test_it_checks_constraints(problems_with: ProblemsWith, constraint: str, message: str) -> None:
    found = problems_with(
        parameters={"threads": [1, 2], "ubatch-size": [64], "flash-attn": ["on", "off"]},
        constraints=[constraint],
    )
    assert [str(problem) for problem in found] == [message]


def test_it_uses_the_engine_s_defaults_in_constraints(
    document: Document, catalogue: RuntimeCatalogue
) -> None:
    document |= {
        "parameters": {"ubatch-size": [512, 2048, 4096]},
        "constraints": ["ubatch-size <= batch-size"],
    }
    spec, _ = validate_spec(document, catalogue=catalogue)
    assert spec.search_space(0, catalogue.get("llamacpp")).size() == 2


def test_it_refuses_constraints_that_leave_nothing_together(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(
        parameters={"threads": [1, 2], "parallel": [1, 2]},
        constraints=["threads < parallel", "threads > parallel"],
    )
    assert (problem.path, problem.suggestion) == ("constraints", "loosen one")


def test_it_leaves_out_configurations_that_take_more_gpus_than_there_are(
    open_catalogue: RuntimeCatalogue,
) -> None:
    document = open_document(parameters={"tp-size": [1, 2, 4], "pp-size": [1, 2]})
    spec, _ = validate_spec(document, catalogue=open_catalogue)
    runtime = open_catalogue.get("open-engine")
    assert [spec.search_space(gpus, runtime).size() for gpus in (1, 2, 4, 8)] == [1, 3, 5, 6]
    assert spec.search_space(None, runtime).size() == 6


def test_it_counts_gpus_in_a_task_s_own_constraint(open_catalogue: RuntimeCatalogue) -> None:
    document = open_document(constraints=["tp-size * pp-size == gpus"])
    spec, _ = validate_spec(document, catalogue=open_catalogue)
    assert [c["tp-size"] for c in spec.search_space(2).configurations()] == []
    runtime = open_catalogue.get("open-engine")
    assert [c["tp-size"] for c in spec.search_space(2, runtime).configurations()] == [2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"runtime_image_tag": "a/b:c"},
            "runtime_image_tag: 'a/b:c' is not an image tag (a whole image goes under runtime_image)",  # noqa: E501
        ),
        (
            {"runtime_image": "noversion"},
            "runtime_image: 'noversion' is not a container image (write repository:tag or repository@sha256:…)",  # noqa: E501
        ),
        (
            {"runtime_image": "--privileged"},
            "runtime_image: '--privileged' would be read as a flag (start it without a dash)",
        ),
        (
            {"runtime_image": "a/b:1", "runtime_image_tag": "2"},
            "runtime_image: stands beside runtime_image_tag (keep one of the two)",
        ),
    ],
)
def test_it_refuses_images_that_cannot_be_meant(
    open_catalogue: RuntimeCatalogue, changes: Document, message: str
) -> None:
    assert problems(open_document(**changes), open_catalogue) == [message]


@pytest.mark.parametrize(
    "image", ["lmsysorg/sglang:v0.5.2-cu126", "localhost:5000/a/b:1", f"a/b@sha256:{'0' * 64}"]
)
def test_it_takes_images_by_tag_and_by_digest(open_catalogue: RuntimeCatalogue, image: str) -> None:
    spec, _ = validate_spec(open_document(runtime_image=image), catalogue=open_catalogue)
    assert spec.runtime_image == image


def test_it_needs_an_image_for_docker(tmp_path: Path) -> None:
    text = OPEN_RUNTIME.replace("image: registry/open-engine:1.0\n", "")
    (tmp_path / "open-engine.yaml").write_text(text)
    without_image = load_runtimes(tmp_path)
    [problem] = problems(open_document(), without_image)
    assert problem.startswith("deployment_mode: the runtime open-engine has no container image")
    [problem] = problems(open_document(runtime_image_tag="latest"), without_image)
    assert problem.startswith("runtime_image_tag: ")
    validate_spec(open_document(runtime_image="mine:1"), catalogue=without_image)


@pytest.mark.parametrize(("requests", "warned"), [(100, True), (298, True), (299, False)])
def test_it_warns_of_a_percentile_that_needs_more_requests(
    document: dict[str, Any], catalogue: RuntimeCatalogue, requests: int, *, warned: bool
) -> None:
    document["slo"] = {"ttft_p90_s": 1.0, "e2e_p99_s": 5.0}
    document["benchmark"] = {"max_requests_per_level": requests}
    _, warnings = validate_spec(document, catalogue=catalogue)
    told = [warning for warning in warnings if warning.path == "slo.e2e_p99_s"]
    assert bool(told) is warned
    assert all("299 or more" in warning.suggestion for warning in told)


def test_it_gives_advice_on_tasks_that_may_not_do_what_is_meant(
    document: Document, catalogue: RuntimeCatalogue
) -> None:
    document |= {
        "runtime_image": "a/b:1",
        "optimization": {"objective": "maximize_goodput"},
        "benchmark": {"num_concurrency": [64], "max_requests_per_level": 10},
    }
    _, warnings = validate_spec(document, catalogue=catalogue)
    assert [warning.path for warning in warnings] == [
        "runtime_image",
        "benchmark.max_requests_per_level",
        "slo",
    ]


def test_it_names_the_broken_file_of_a_runtime(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\ncommand: [x]\n")
    [text] = problems(open_document(base_runtime="mine"), load_runtimes(tmp_path))
    assert text.startswith(f"base_runtime: {tmp_path / 'mine.yaml'}: not a runtime")


def searching(**changes: Any) -> Document:
    return open_document(benchmark={"num_concurrency": "auto"}, **changes)


@pytest.mark.parametrize("objective", ["maximize_throughput", "maximize_goodput"])
def test_a_load_that_is_found_goes_with_rates(
    open_catalogue: RuntimeCatalogue, objective: str
) -> None:
    document = searching(optimization={"objective": objective}, slo={"ttft_p99_s": 0.5})
    spec, _ = validate_spec(document, catalogue=open_catalogue)
    assert spec.points() == []
    assert spec.benchmark.highest_concurrency == 256


@pytest.mark.parametrize(
    ("optimization", "named"),
    [
        ({"objective": "minimize_ttft"}, "minimize_ttft"),
        ({"objectives": ["throughput", "ttft_p99"]}, "ttft_p99"),
    ],
)
def test_a_load_that_is_found_does_not_go_with_latencies(
    open_catalogue: RuntimeCatalogue, optimization: Any, named: str
) -> None:
    [text] = problems(searching(optimization=optimization), open_catalogue)
    assert text.startswith("benchmark.num_concurrency: auto measures each configuration at")
    assert f"{named} compares all at the same loads" in text
    assert "write a list as [1, 4]" in text


def test_the_highest_load_is_refused_beside_a_list(open_catalogue: RuntimeCatalogue) -> None:
    [text] = problems(open_document(benchmark={"max_concurrency": 8}), open_catalogue)
    assert text == (
        "benchmark.max_concurrency: counts only where the concurrency is found"
        " (leave it out, or write num_concurrency: auto)"
    )


def optimized(**optimization: Any) -> Document:
    benchmark = {"traffic_scenarios": ["D(100,100)", "D(2000,100)"]}
    return open_document(optimization=optimization, benchmark=benchmark)


def test_a_weight_for_what_is_no_scenario_names_the_one_that_was_meant(
    open_catalogue: RuntimeCatalogue,
) -> None:
    document = optimized(scenario_weights={"D(100, 100)": 2})
    with pytest.raises(SpecError) as refused:
        validate_spec(document, catalogue=open_catalogue)
    assert str(refused.value) == (
        "optimization.scenario_weights.D(100, 100): 'D(100, 100)' is no scenario of this task"
        " (did you mean 'D(100,100)'?)"
    )


def test_the_worst_case_takes_no_weights(open_catalogue: RuntimeCatalogue) -> None:
    document = optimized(across_scenarios="worst_case", scenario_weights={"D(100,100)": 2})
    with pytest.raises(SpecError, match="the worst case has no use for weights"):
        validate_spec(document, catalogue=open_catalogue)


def test_it_says_that_nothing_is_pruned_with_several_objectives(
    open_catalogue: RuntimeCatalogue,
) -> None:
    document = optimized(objectives=["throughput", "ttft_p99"], prune=True)
    spec, warnings = validate_spec(document, catalogue=open_catalogue)
    assert not spec.optimization.may_prune
    assert [warning.path for warning in warnings] == ["optimization.prune"]
