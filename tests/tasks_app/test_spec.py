from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks_app.documents import load_document
from tasks_app.domains import Choices, Range
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import Point, TaskSpec, validate_spec
from tasks_app.taskfile import dump_document, without_defaults

Document = dict[str, Any]
ProblemsWith = Callable[..., list[Problem]]


def only(problems: list[Problem]) -> tuple[str, str, str]:
    [problem] = problems
    return problem.path, problem.message, problem.suggestion


def test_it_fills_in_every_default(document: Document) -> None:
    data = TaskSpec.from_data(document).to_data()
    assert list(data) == [
        "task_name",
        "description",
        "deployment_mode",
        "base_runtime",
        "runtime_image_tag",
        "runtime_image",
        "model",
        "parameters",
        "fixed_parameters",
        "constraints",
        "optimization",
        "slo",
        "benchmark",
        "environment",
        "use_gpus",
        "container",
        "readiness",
        "access",
        "quality",
        "cost",
    ]
    assert data["optimization"] == {
        "strategy": "auto",
        "objective": "maximize_throughput",
        "max_iterations": 20,
        "timeout_per_iteration": 1800,
        "seed": 0,
        "objectives": None,
        "across_scenarios": "geometric_mean",
        "scenario_weights": {},
        "prune": None,
        "learn": True,
        "reuse": True,
        "repair": True,
        "stop_when_gain_below": None,
        "confirm": True,
        "confirm_budget": 0.2,
        "undo_test": False,
        "drift_check_every": 10,
    }
    assert data["benchmark"] == {
        "task": "text-to-text",
        "model_name": None,
        "model_tokenizer": None,
        "traffic_scenarios": ["D(100,100)"],
        "num_concurrency": [1, 4],
        "max_concurrency": None,
        "max_requests_per_level": 100,
        "max_minutes_per_level": 10,
        "fresh_prompts": True,
        "remeasure_disturbed": True,
        "dataset": None,
        "dataset_output_tokens": None,
        "additional_params": {"temperature": 0.0},
    }
    assert (data["slo"], data["environment"], data["constraints"]) == ({}, {}, [])


def test_it_gives_back_plain_data_that_makes_the_same_spec(document: Document) -> None:
    spec = TaskSpec.from_data(document)
    assert spec.to_data()["parameters"] == document["parameters"]
    assert TaskSpec.from_data(spec.to_data()) == spec


def test_it_keeps_the_order_of_the_flags(document: Document) -> None:
    document["parameters"] = {"ubatch-size": [64], "batch-size": [64], "threads": [1]}
    assert list(TaskSpec.from_data(document).parameters) == ["ubatch-size", "batch-size", "threads"]


def test_it_reads_choices_and_ranges(document: Document) -> None:
    parameters = TaskSpec.from_data(document).parameters
    assert parameters == {"threads": Choices((1, 2)), "ubatch-size": Range(64, 512, log=True)}


@pytest.mark.parametrize(
    ("changes", "path", "suggestion"),
    [
        ({"task_nam": "x"}, "task_nam", "did you mean 'task_name'?"),
        ({"num_concurrency": [1]}, "num_concurrency", "did you mean 'benchmark.num_concurrency'?"),
        ({"max_iteration": 1}, "max_iteration", "did you mean 'optimization.max_iterations'?"),
        (
            {"optimization": {"max_iter": 1}},
            "optimization.max_iter",
            "did you mean 'max_iterations'?",
        ),
        (
            {"benchmark": {"concurrency": [1]}},
            "benchmark.concurrency",
            "did you mean 'num_concurrency'?",
        ),
        ({"slo": {"ttft_p9_s": 1}}, "slo.ttft_p9_s", "did you mean 'ttft_p99_s'?"),
        (
            {"slo": {"ttft": {"threshold": 1}}},
            "slo.ttft",
            "known: ttft_mean_s, ttft_p50_s, ttft_p90_s, ttft_p95_s, ttft_p99_s",
        ),
    ],
)
def test_it_names_the_nearest_key_for_an_unknown_one(
    problems_with: ProblemsWith, changes: Document, path: str, suggestion: str
) -> None:
    where, message, hint = only(problems_with(**changes))
    assert (where, hint) == (path, suggestion)
    assert message.startswith("unknown key")


def test_it_lists_the_keys_for_one_that_is_like_none(problems_with: ProblemsWith) -> None:
    _, _, hint = only(problems_with(model={"id_or_path": "x", "zzzz": 1}))
    assert hint == "known: id_or_path"


def test_it_says_which_keys_are_missing(catalogue: RuntimeCatalogue) -> None:
    with pytest.raises(SpecError) as caught:
        validate_spec({}, catalogue=catalogue)
    assert [str(problem) for problem in caught.value.problems] == [
        "task_name: is missing",
        "base_runtime: is missing",
        "model: is missing",
        "parameters: is missing",
    ]


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_it_refuses_what_is_no_mapping(catalogue: RuntimeCatalogue, data: object) -> None:
    with pytest.raises(SpecError, match="must be a mapping of keys to values"):
        validate_spec(data, catalogue=catalogue)


@pytest.mark.parametrize(
    ("section", "key", "value", "message", "suggestion"),
    [
        (
            "optimization",
            "max_iterations",
            "4",
            "must be a whole number, not the text '4'",
            "write 4 without quotes",
        ),
        ("optimization", "max_iterations", True, "must be a whole number, not true", ""),
        ("optimization", "max_iterations", 4.0, "must be a whole number, not 4.0", ""),
        ("optimization", "max_iterations", None, "must be a whole number, not null", ""),
        ("optimization", "max_iterations", 0, "must be at least 1, not 0", ""),
        ("optimization", "max_iterations", 10**9, "must be at most 10000, not 1000000000", ""),
        ("optimization", "timeout_per_iteration", -5, "must be at least 10, not -5", ""),
        ("optimization", "seed", -1, "must be at least 0, not -1", ""),
        (
            "optimization",
            "strategy",
            "grid",
            "must be one of auto, grid_search, random, bayesian, not 'grid'",
            "",
        ),
        (
            "optimization",
            "strategy",
            ["auto"],
            "must be one of auto, grid_search, random, bayesian, not a list",
            "",
        ),
        (
            "optimization",
            "objective",
            "minimise_ttft",
            "must be one of",
            "did you mean 'minimize_ttft'?",
        ),
        ("benchmark", "max_minutes_per_level", 0, "must be at least 1, not 0", ""),
        ("benchmark", "max_requests_per_level", "many", "must be a whole number, not 'many'", ""),
        ("benchmark", "num_concurrency", [], "must not be empty", ""),
        ("benchmark", "num_concurrency", 4, "must be a list, not 4", ""),
        (
            "benchmark",
            "num_concurrency",
            "Auto",
            "must be a list or auto, not 'Auto'",
            "write auto, or say [1, 4]",
        ),
        ("benchmark", "num_concurrency", [1, 4, 1], "1 stands twice", ""),
        ("benchmark", "traffic_scenarios", [], "must not be empty", ""),
        ("benchmark", "traffic_scenarios", "D(1,2)", "must be a list, not 'D(1,2)'", ""),
        ("benchmark", "traffic_scenarios", ["D(1,2)", "D(1,2)"], "'D(1,2)' stands twice", ""),
        (
            "benchmark",
            "task",
            "text-to-embeddings",
            "'text-to-embeddings' is not supported yet",
            "write text-to-text",
        ),
        ("benchmark", "model_name", 7, "must be text, not 7", 'write "7" in quotes'),
        (
            "benchmark",
            "model_tokenizer",
            "--help",
            "'--help' would be read as a flag",
            "start it without a dash",
        ),
        ("model", "id_or_path", "", "must not be empty", ""),
        ("model", "id_or_path", "a\nb", "holds the control character '\\n'", ""),
        (
            "model",
            "id_or_path",
            "../secrets",
            "'../secrets' leaves its folder",
            "write the path without ..",
        ),
        (
            "model",
            "id_or_path",
            "https://huggingface.co/x/y",
            "is an address",
            "name the model: a hub id as org/name, or a path",
        ),
    ],
)
def test_it_says_what_is_wrong_with_a_value(
    problems_with: ProblemsWith,
    section: str,
    key: str,
    value: object,
    message: str,
    suggestion: str,
) -> None:
    given = {"id_or_path": "m"} if section == "model" else {}
    path, found, hint = only(problems_with(**{section: given | {key: value}}))
    assert path == f"{section}.{key}"
    assert message in found
    assert hint == suggestion


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        (" padded ", "has blanks around it"),
        ("tab\there", "holds the control character"),
        ("x" * 201, "is longer than 200"),
        (12, "must be text, not 12"),
    ],
)
def test_it_refuses_a_name_that_cannot_be_shown(
    problems_with: ProblemsWith, value: object, message: str
) -> None:
    path, found, _ = only(problems_with(task_name=value))
    assert path == "task_name"
    assert message in found


def test_it_takes_a_name_in_any_script(document: Document, catalogue: RuntimeCatalogue) -> None:
    spec, _ = validate_spec(document | {"task_name": "モデル – ü"}, catalogue=catalogue)
    assert spec.task_name == "モデル – ü"


def test_it_wants_sections_to_be_mappings(problems_with: ProblemsWith) -> None:
    problems = problems_with(
        model="smollm2-135m", slo=[], parameters=["threads"], optimization=None
    )
    assert [(p.path, p.message) for p in problems] == [
        ("model", "must be a mapping of keys to values, not 'smollm2-135m'"),
        ("parameters", "must be a mapping of flag names, not a list"),
        ("optimization", "must be a mapping of keys to values, not null"),
        ("slo", "must be a mapping of keys to values, not a list"),
    ]


def test_it_reports_everything_at_once(problems_with: ProblemsWith) -> None:
    problems = problems_with(
        task_name="",
        parameters={"threads": [], "max-num-seqs": [1], "flash-attn": ["maybe"]},
        optimization={"max_iterations": "4"},
        environment={"A=B": "x", "OK": 3},
        slo={"error_rate": 2, "ttft_mean_s": 0},
    )
    assert [problem.path for problem in problems] == [
        "task_name",
        "parameters.threads",
        "optimization.max_iterations",
        "slo.error_rate",
        "slo.ttft_mean_s",
        "environment.A=B",
        "environment.OK",
        "parameters.max-num-seqs",
        "parameters.flash-attn[0]",
    ]


@pytest.mark.parametrize(
    ("scenario", "suggestion"),
    [
        ("D(100, 100)", "write D(100,100)"),
        ("D(100,1)", "ask for at least 2 output tokens"),
        ("E(100)", "write D(…), N(…)/(…), U(…) or dataset"),
        ("dataset", "name one in benchmark.dataset"),
        ("D(1,2), D(3,4)", 'write each as an entry of its own: "D(1,2)", "D(3,4)"'),
    ],
)
def test_it_refuses_scenarios_that_cannot_be_measured(
    problems_with: ProblemsWith, scenario: str, suggestion: str
) -> None:
    path, _, hint = only(problems_with(benchmark={"traffic_scenarios": ["D(1,2)", scenario]}))
    assert path == "benchmark.traffic_scenarios[1]"
    assert hint == suggestion


@pytest.mark.parametrize(
    "params",
    [
        {"max_tokens": 5},
        {"stream": False},
        {"model": "other"},
        {"ignore_eos": False},
        {"temperature": "0.0"},
        {"x": float("nan")},
        {"x": [object()]},
        {"x": "\ud800"},
    ],
)
def test_it_keeps_the_load_equal(problems_with: ProblemsWith, params: Document) -> None:
    path, _, _ = only(problems_with(benchmark={"additional_params": params}))
    assert path == "benchmark.additional_params"


def test_it_passes_other_request_parameters_on(
    document: Document, catalogue: RuntimeCatalogue
) -> None:
    params = {"temperature": 0.5, "top_p": 1, "chat_template_kwargs": {"thinking": [True, None]}}
    document["benchmark"] = {"additional_params": params}
    spec, _ = validate_spec(document, catalogue=catalogue)
    assert spec.to_data()["benchmark"]["additional_params"] == params


@pytest.mark.parametrize("name", ["A=B", "", "1A", "A B", "A\n", "Ä", "A\0"])
def test_it_refuses_names_that_no_variable_can_have(problems_with: ProblemsWith, name: str) -> None:
    _, message, _ = only(problems_with(environment={name: "x"}))
    assert "is not the name of an environment variable" in message


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "a\rb", "\ud800"])
def test_it_refuses_values_that_no_variable_can_have(
    problems_with: ProblemsWith, value: str
) -> None:
    path, message, _ = only(problems_with(environment={"NAME": value}))
    assert (path, message) == ("environment.NAME", "holds a line end or another control character")


def test_it_wants_text_in_the_environment(problems_with: ProblemsWith) -> None:
    assert only(problems_with(environment={"N": 4})) == (
        "environment.N",
        "must be text, not 4",
        'write "4" in quotes',
    )


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PYTHONPATH", "PATH"])
def test_it_lets_no_local_task_choose_the_engine_s_code(
    problems_with: ProblemsWith, name: str
) -> None:
    path, message, _ = only(problems_with(environment={name: "/tmp/x"}))
    assert path == f"environment.{name}"
    assert "decides which code the engine loads" in message


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (0, "must be more than 0"),
        (-1.5, "must be more than 0"),
        (True, "must be a number, not true"),
        ("0.5", "must be a number, not the text '0.5'"),
        (float("nan"), "must be more than 0"),
        (float("inf"), "at most 86400 seconds"),
        ({"threshold": 1}, "must be a number, not a mapping"),
    ],
)
def test_it_refuses_impossible_bounds(
    problems_with: ProblemsWith, bound: object, message: str
) -> None:
    path, found, _ = only(problems_with(slo={"ttft_p99_s": bound}))
    assert path == "slo.ttft_p99_s"
    assert message in found


def test_it_splits_the_slo_into_bounds(document: Document) -> None:
    document["slo"] = {"ttft_p99_s": 0.5, "error_rate": 0, "e2e_mean_s": 5}
    spec = TaskSpec.from_data(document)
    assert [(b.key, b.metric, b.statistic, b.limit_s) for b in spec.slo_bounds()] == [
        ("ttft_p99_s", "ttft", "p99", 0.5),
        ("e2e_mean_s", "e2e", "mean", 5.0),
    ]
    assert spec.max_error_rate == 0.0


def test_it_allows_one_error_in_a_hundred_by_default(document: Document) -> None:
    assert TaskSpec.from_data(document).max_error_rate == 0.01


def test_it_measures_every_scenario_at_every_concurrency(document: Document) -> None:
    document["benchmark"] = {
        "traffic_scenarios": ["D(1,2)", "U(3,4)"],
        "num_concurrency": [8, 1],
    }
    assert TaskSpec.from_data(document).points() == [
        Point("D(1,2)", 8),
        Point("D(1,2)", 1),
        Point("U(3,4)", 8),
        Point("U(3,4)", 1),
    ]


@pytest.mark.parametrize(
    ("id_or_path", "name"),
    [
        ("meta-llama/Llama-3.2-1B-Instruct", "Llama-3.2-1B-Instruct"),
        ("/models/llama/", "llama"),
        ("smollm2-135m", "smollm2-135m"),
    ],
)
def test_it_names_the_model_after_the_last_segment(
    document: Document, id_or_path: str, name: str
) -> None:
    document["model"] = {"id_or_path": id_or_path}
    spec = TaskSpec.from_data(document)
    assert (spec.served_model_name, spec.tokenizer) == (name, id_or_path)
    assert spec.to_data()["benchmark"]["model_name"] is None


def test_it_prefers_the_names_that_were_given(document: Document) -> None:
    document["benchmark"] = {"model_name": "mine", "model_tokenizer": "org/tok"}
    spec = TaskSpec.from_data(document)
    assert (spec.served_model_name, spec.tokenizer) == ("mine", "org/tok")


def test_it_sets_only_the_fixed_parameters_in_the_baseline(document: Document) -> None:
    document["fixed_parameters"] = {"ctx-size": 2048}
    spec = TaskSpec.from_data(document)
    assert spec.baseline_parameters() == {"ctx-size": 2048}
    assert spec.experiment_parameters({"threads": 1}) == {"ctx-size": 2048, "threads": 1}


def test_it_knows_which_way_the_objective_goes(document: Document) -> None:
    document["optimization"] = {"objective": "minimize_ttft"}
    assert not TaskSpec.from_data(document).optimization.maximises


def test_it_cannot_be_changed_once_checked(document: Document) -> None:
    spec = TaskSpec.from_data(document)
    with pytest.raises(ValueError, match="frozen"):
        spec.task_name = "other"


def values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
        ),
        max_leaves=6,
    )


SECTIONS = [*TaskSpec.model_fields, "typo"]
KEYS = ["low", "high", "step", "log", "ttft_p99_s", "traffic_scenarios", "num_concurrency", "seed"]
KEYS += ["network", "cpus", "ulimits", "volumes", "health_path", "http_proxy", "hub_token"]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sections=st.dictionaries(
        st.sampled_from(SECTIONS),
        values() | st.dictionaries(st.sampled_from([*KEYS, "threads"]), values(), max_size=3),
        max_size=4,
    )
)
def test_it_answers_anything_with_a_spec_or_its_problems(
    document: Document, catalogue: RuntimeCatalogue, sections: Document
) -> None:
    try:
        spec, _ = validate_spec(document | sections, catalogue=catalogue)
    except SpecError:
        return
    assert TaskSpec.from_data(spec.to_data()) == spec
    file = dump_document(without_defaults(spec.to_data()))
    assert TaskSpec.from_data(load_document(file)) == spec
