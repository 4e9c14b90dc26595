import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks_app.masking import MASK
from tasks_app.problems import SpecError
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import (
    RARELY_SET,
    dump_document,
    dump_for_people,
    load_task,
    load_task_file,
)

YAML_TASK = """
task_name: small              # unique
deployment_mode: local
base_runtime: llamacpp
model:
  id_or_path: smollm2-135m
parameters:
  threads: [1, 2]
  flash-attn: [on, off, auto]
  cont-batching: [true, false]
  ubatch-size: {low: 64, high: 512, log: true}
constraints: ["ubatch-size <= 256 or threads == 2"]
slo: {ttft_p90_s: 5e-1}
benchmark:
  traffic_scenarios:
    - D(100,100)
"""


FULL_TASK = """
task_name: llama-3.2-1b                 # unique
description: ""
deployment_mode: docker                 # docker | local
base_runtime: sglang
runtime_image_tag: v0.5.2-cu126
runtime_image: null
model:
  id_or_path: meta-llama/Llama-3.2-1B-Instruct
parameters:
  tp-size: [1, 2]
  mem-fraction-static: {low: 0.7, high: 0.9, step: 0.05}
  chunked-prefill-size: {low: 512, high: 8192, log: true}
fixed_parameters: {}
constraints: ["tp-size * dp-size <= gpus"]
optimization:
  strategy: auto
  objective: maximize_throughput
  max_iterations: 20
  timeout_per_iteration: 1800
  seed: 0
  objectives: [throughput, ttft_p99]
  across_scenarios: geometric_mean
  scenario_weights: {"D(100,100)": 2.0}
  prune: false
  learn: false
  reuse: false
  repair: false
  stop_when_gain_below: 0.02
  confirm: false
  confirm_budget: 0.5
  undo_test: true
  drift_check_every: null
slo: {ttft_p99_s: 0.5, tpot_mean_s: 0.03, e2e_p90_s: 5.0, error_rate: 0.01}
benchmark:
  task: text-to-text
  model_name: null
  model_tokenizer: null
  traffic_scenarios: ["D(100,100)"]
  num_concurrency: [1, 4]
  max_concurrency: null
  max_requests_per_level: 100
  max_minutes_per_level: 10
  fresh_prompts: false
  remeasure_disturbed: false
  dataset: null
  dataset_output_tokens: null
  additional_params: {temperature: 0.0}
environment: {}
use_gpus: true
container:
  network: host
  ipc: private
  shm_size_gib: 16.0
  memory_gib: null
  cpus: null
  ulimits: {memlock: -1}
  volumes: ["/srv/loras:/loras:ro"]
readiness: {health_path: /health, interval_s: null, timeout_s: 900.0}
access:
  http_proxy: null
  https_proxy: http://proxy.example:3128
  no_proxy: intranet.example
  hub_token: hf_0123456789
quality:
  check: true
  prompts: 8
  max_tokens: 32
  min_token_agreement: 0.95
  min_exact_match: 0.5
  max_logprob_distance: 0.1
cost: {price_per_device_hour: 2.5, currency: EUR}
"""


def test_it_reads_every_key(catalogue: RuntimeCatalogue) -> None:
    spec, warnings = load_task(FULL_TASK, catalogue=catalogue)
    assert yaml.safe_load(FULL_TASK) == spec.to_data()
    assert {warning.path for warning in warnings} <= {
        "constraints[0]",
        "base_runtime",
        "slo.ttft_p99_s",
    }


def test_it_reads_yaml(catalogue: RuntimeCatalogue) -> None:
    spec, warnings = load_task(YAML_TASK, catalogue=catalogue)
    assert warnings == []
    assert spec.to_data()["parameters"]["flash-attn"] == ["on", "off", "auto"]
    assert spec.slo == {"ttft_p90_s": 0.5}


def test_it_reads_json(document: dict[str, Any], catalogue: RuntimeCatalogue) -> None:
    spec, _ = load_task(json.dumps(document), catalogue=catalogue)
    assert spec == TaskSpec.from_data(document)


def test_it_writes_what_it_reads(catalogue: RuntimeCatalogue) -> None:
    spec, _ = load_task(YAML_TASK, catalogue=catalogue)
    assert load_task(dump_for_people(spec.to_data()), catalogue=catalogue) == (spec, [])


def test_it_writes_lists_and_ranges_on_one_line(catalogue: RuntimeCatalogue) -> None:
    spec, _ = load_task(YAML_TASK, catalogue=catalogue)
    text = dump_for_people(spec.to_data())
    assert "  threads: [1, 2]\n" in text
    assert "  ubatch-size: {low: 64, high: 512, log: true}\n" in text
    assert text.startswith("task_name: small\ndescription: ''\ndeployment_mode: local\n")


def test_it_writes_how_the_server_is_run_only_where_that_is_said(
    catalogue: RuntimeCatalogue,
) -> None:
    spec, _ = load_task(YAML_TASK, catalogue=catalogue)
    assert yaml.safe_load(dump_for_people(spec.to_data())).keys().isdisjoint(RARELY_SET)
    said = "use_gpus: false\naccess: {http_proxy: ''}\ncontainer: {ulimits: {}, ipc: private}\n"
    spec, _ = load_task(YAML_TASK + said, catalogue=catalogue)
    text = dump_for_people(spec.to_data())
    written = yaml.safe_load(text)
    assert {key: written[key] for key in RARELY_SET if key in written} == yaml.safe_load(said)
    assert load_task(text, catalogue=catalogue)[0] == spec


def test_it_shows_people_no_secret(catalogue: RuntimeCatalogue) -> None:
    spec, _ = load_task(
        YAML_TASK
        + "environment: {API_KEY: hidden-1, URL: 'http://u:hidden-2@h'}\n"
        + "access: {https_proxy: 'http://u:hidden-3@h', hub_token: hf_hidden-4}\n",
        catalogue=catalogue,
    )
    text = dump_for_people(spec.to_data())
    assert "hidden" not in text
    assert yaml.safe_load(text)["access"] == {
        "https_proxy": f"http://u:{MASK}@h",
        "hub_token": MASK,
    }


def test_it_takes_masks_for_the_secrets_of_the_document_that_they_hide(
    catalogue: RuntimeCatalogue,
) -> None:
    secrets = "access: {https_proxy: 'http://u:hidden-3@h', hub_token: hf_hidden-4}\n"
    spec, _ = load_task(YAML_TASK + secrets, catalogue=catalogue)
    text = dump_for_people(spec.to_data())
    assert load_task(text, catalogue=catalogue, stored=spec.to_data())[0] == spec
    with pytest.raises(SpecError) as caught:
        load_task(text, catalogue=catalogue)
    assert [str(problem) for problem in caught.value.problems] == [
        "access.https_proxy: is masked here (put the value in again)",
        "access.hub_token: is masked here (put the value in again)",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "on",
        "no",
        "1e3",
        "010",
        "4",
        "0.5",
        "null",
        "~",
        "true",
        "2024-01-01",
        "1:30",
        "a: b",
        "# x",
        "two\nlines",
        " padded ",
        "ünï",
        "- x",
        "'quoted'",
        "x" * 300,
        "{a}",
        "&a",
        "!x",
        "=",
        "1_0",
    ],
)
def test_it_keeps_texts_texts_for_every_reader(value: str) -> None:
    text = dump_document({"key": value, "list": [value]})
    expected = {"key": value, "list": [value]}
    assert yaml.safe_load(text) == expected
    from tasks_app.documents import load_document

    assert load_document(text) == expected


def test_it_reads_a_file(tmp_path: Path, catalogue: RuntimeCatalogue) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(YAML_TASK)
    assert load_task_file(path, catalogue=catalogue)[0].task_name == "small"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("just text", "must be a mapping of keys to values, not 'just text'"),
        ("- a\n- b", "must be a mapping of keys to values, not a list"),
        ("a: [", "line 1: not valid YAML"),
        ("task_name: a\ntask_name: b", "line 2: the key 'task_name' stands twice"),
        ("a: !!python/object/new:os.system [ls]", "the tag"),
    ],
)
def test_it_says_why_a_text_is_no_task(
    catalogue: RuntimeCatalogue, text: str, message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        load_task(text, catalogue=catalogue)
    assert message in str(caught.value)


def test_it_says_why_a_file_cannot_be_read(tmp_path: Path, catalogue: RuntimeCatalogue) -> None:
    with pytest.raises(SpecError, match="No such file"):
        load_task_file(tmp_path / "none.yaml", catalogue=catalogue)
