from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks_app.legacy import convert_legacy
from tasks_app.problems import SpecError
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import load_task

OLD_TASK = """{
  "task_name": "old-sglang",
  "description": null,
  "deployment_mode": "docker",
  "base_runtime": "sglang",
  "runtime_image_tag": "v0.5.2-cu126",
  "model": {"id_or_path": "org/model-1b", "namespace": "tuning"},
  "parameters": {
    "tp_size": {"type": "choice", "values": [1, 2]},
    "mem-fraction-static": {"type": "continuous", "low": 0.7, "high": 0.9},
    "chunked-prefill-size": {"type": "integer", "low": 512, "high": 4096, "log": true},
    "schedule-policy": []
  },
  "parallel_config": {"dp": [1, 2], "pp": 1, "cp": 2},
  "quant_config": {"kvcache_dtype": "fp8_e5m2", "gemm_dtype": "auto", "presets": ["default"]},
  "optimization": {
    "strategy": "bayesian", "objective": "minimize_latency",
    "max_iterations": 30, "timeout_per_iteration": 600, "n_initial_random": 5
  },
  "slo": {
    "latency": {
      "p90": {"threshold": 5.0, "weight": 2.0, "hard_fail": true, "fail_ratio": 0.2},
      "p99": {"weight": 1.0}
    },
    "ttft": {"threshold": 1.0, "weight": 2.0},
    "tpot": {"threshold": 0.05},
    "steepness": 0.1
  },
  "benchmark": {
    "task": "text-to-text",
    "model_name": "model-1b",
    "model_tokenizer": "org/model-1b",
    "traffic_scenarios": ["D(100", "100)", "D(200", "200)"],
    "num_concurrency": [1, 4],
    "max_time_per_iteration": 15,
    "max_requests_per_iteration": 50,
    "additional_params": {"temperature": "0.0"}
  }
}"""


def test_it_imports_a_file_of_the_system_that_this_one_replaces(
    catalogue: RuntimeCatalogue,
) -> None:
    spec, warnings = load_task(OLD_TASK, catalogue=catalogue)
    data = spec.to_data()
    assert data["parameters"] == {
        "tp-size": [1, 2],
        "mem-fraction-static": {"low": 0.7, "high": 0.9},
        "chunked-prefill-size": {"low": 512, "high": 4096, "log": True},
        "dp-size": [1, 2],
    }
    assert data["fixed_parameters"] == {"pp-size": 1, "kv-cache-dtype": "fp8_e5m2"}
    assert data["slo"] == {"e2e_p90_s": 5.0, "ttft_mean_s": 1.0, "tpot_mean_s": 0.05}
    assert data["benchmark"]["traffic_scenarios"] == ["D(100,100)", "D(200,200)"]
    assert data["benchmark"]["max_minutes_per_level"] == 15
    assert data["benchmark"]["max_requests_per_level"] == 50
    assert data["benchmark"]["additional_params"] == {"temperature": 0.0}
    assert [warning.path for warning in warnings] == [
        "model.namespace",
        "optimization.n_initial_random",
        "parameters.tp_size",
        "parameters.mem-fraction-static",
        "parameters.chunked-prefill-size",
        "parameters.schedule-policy",
        "parallel_config.dp",
        "parallel_config.pp",
        "parallel_config.cp",
        "quant_config.kvcache_dtype",
        "quant_config.presets",
        "parameters.tp_size",
        "slo.latency.p90",
        "slo.latency.p99",
        "slo.ttft",
        "slo.tpot",
        "slo.steepness",
        "benchmark.max_time_per_iteration",
        "benchmark.max_requests_per_iteration",
        "benchmark.additional_params.temperature",
        "benchmark.traffic_scenarios",
    ]


def test_it_leaves_a_file_of_our_own_alone(document: dict[str, Any]) -> None:
    before = deepcopy(document)
    assert convert_legacy(document) == (before, [])


def test_it_does_not_touch_what_it_was_given(document: dict[str, Any]) -> None:
    document["slo"] = {"ttft": {"threshold": 1}, "steepness": 0.1}
    before = deepcopy(document)
    convert_legacy(document)
    assert document == before


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        (["D(100", "100)"], ["D(100,100)"]),
        (["D(100", "100)", "N(480", "240)/(300", "150)"], ["D(100,100)", "N(480,240)/(300,150)"]),
        ("D(100,100), D(200,200)", ["D(100,100)", "D(200,200)"]),
        (["D(100, 100)"], ["D(100,100)"]),
        (["D(100,100), D(200,200)"], ["D(100,100)", "D(200,200)"]),
    ],
)
def test_it_mends_scenarios_that_were_split_at_their_commas(
    broken: object, mended: list[str]
) -> None:
    document, warnings = convert_legacy({"benchmark": {"traffic_scenarios": broken}})
    assert document["benchmark"]["traffic_scenarios"] == mended
    assert {warning.path for warning in warnings} == {"benchmark.traffic_scenarios"}


@pytest.mark.parametrize("scenarios", [["D(100"], ["hello"], [1, 2], []])
def test_it_leaves_scenarios_that_it_cannot_mend(scenarios: list[object]) -> None:
    document, warnings = convert_legacy({"benchmark": {"traffic_scenarios": scenarios}})
    assert document["benchmark"]["traffic_scenarios"] == scenarios
    assert warnings == []


def test_it_reads_a_stored_row_s_names() -> None:
    document, warnings = convert_legacy(
        {"id": 3, "status": "running", "model_config": {"id_or_path": "x"}, "slo_config": None}
    )
    assert document == {"model": {"id_or_path": "x"}, "slo": {}}
    assert {warning.path for warning in warnings} == {"id", "status", "model_config", "slo_config"}


def test_it_turns_a_kubernetes_task_into_one_for_docker() -> None:
    document, warnings = convert_legacy(
        {
            "deployment_mode": "ome",
            "base_runtime": "sglang-llama-small",
            "clusterbasemodel_config": {"preset": "x"},
            "storage": {},
        }
    )
    assert document == {"deployment_mode": "docker", "base_runtime": "sglang"}
    assert len(warnings) == 4


def test_it_leaves_the_name_of_an_engine_of_our_own() -> None:
    document = {"deployment_mode": "local", "base_runtime": "my-sglang"}
    assert convert_legacy(document) == (document, [])


def test_it_does_not_overwrite_a_flag_that_is_set_already() -> None:
    document, warnings = convert_legacy(
        {
            "base_runtime": "vllm",
            "parameters": {"tensor-parallel-size": [1]},
            "parallel_config": {"tp": 2},
        }
    )
    assert document["parameters"] == {"tensor-parallel-size": [1]}
    assert "fixed_parameters" not in document
    assert "set already" in warnings[0].message


@pytest.mark.parametrize(
    "document",
    [
        {"parameters": None, "benchmark": "x", "slo": 3, "model": [], "optimization": 1},
        {"parameters": {"a": {"type": "weird"}}, "parallel_config": 3, "quant_config": []},
        {"slo": {"latency": 5, "ttft": 1}},
        {},
    ],
)
def test_it_leaves_what_it_does_not_understand_to_the_schema(document: dict[str, Any]) -> None:
    converted, _ = convert_legacy(document)
    with pytest.raises(SpecError):
        TaskSpec.from_data(converted)


SECTIONS = ["parameters", "slo", "benchmark", "model", "parallel_config", "quant_config"]
WORDS = ["type", "values", "low", "high", "threshold", "p90", "latency", "ttft", "tp", "gemm_dtype"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*WORDS, "traffic_scenarios"]), inner, max_size=4)
    ),
    max_leaves=4,
)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*SECTIONS, "base_runtime", "fixed_parameters", "slo_config"]),
        ANYTHING | st.just("vllm"),
    )
)
def test_it_never_fails_on_a_document_and_leaves_it_as_it_was(document: dict[str, Any]) -> None:
    before = deepcopy(document)
    converted, warnings = convert_legacy(document)
    assert document == before
    assert isinstance(converted, dict)
    assert all(warning.path and warning.message for warning in warnings)
