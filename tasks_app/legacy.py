"""Task files of novitalabs/inference-autotuner, turned into ours.

Each conversion works on what it recognises and leaves one warning; what it does not
recognise stays, so that the schema names it. A file of our own passes through unchanged.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from tasks_app.problems import Problem
from tasks_app.scenarios import mend_scenarios
from tasks_app.validation import shown

Warn = Callable[[str, str], None]

_RENAMED_SECTIONS: Mapping[str, str] = {
    "model_config": "model",
    "optimization_config": "optimization",
    "benchmark_config": "benchmark",
    "slo_config": "slo",
}
_STORED_ROW = (
    *("id", "status", "created_at", "started_at", "completed_at", "elapsed_time"),
    *("total_experiments", "successful_experiments", "best_experiment_id"),
    *("created_clusterbasemodel", "created_clusterservingruntime"),
)
_DROPPED: Mapping[str, str] = {
    "clusterbasemodel_config": "Kubernetes resources are not made",
    "clusterservingruntime_config": "Kubernetes resources are not made",
    "storage": "models are found by model.id_or_path alone",
}
_PARALLEL_FLAGS: Mapping[str, Mapping[str, str]] = {
    "sglang": {
        "tp": "tp-size",
        "pp": "pp-size",
        "dp": "dp-size",
        "ep": "ep-size",
        "moe_dense_tp": "moe-dense-tp-size",
        "enable_dp_attention": "enable-dp-attention",
    },
    "vllm": {
        "tp": "tensor-parallel-size",
        "pp": "pipeline-parallel-size",
        "dp": "data-parallel-size",
        "dcp": "decode-context-parallel-size",
        "enable_expert_parallel": "enable-expert-parallel",
    },
}
_QUANTISATION_FLAGS: Mapping[str, str] = {"kvcache_dtype": "kv-cache-dtype", "gemm_dtype": "dtype"}
_QUANTISED_GEMM = ("fp8", "int8")
_RENAMED_LIMITS: Mapping[str, tuple[str, str]] = {
    "max_time_per_iteration": ("max_minutes_per_level", "minutes, as it was used"),
    "max_time_per_run": ("max_minutes_per_level", "minutes, as it was used"),
    "max_requests_per_iteration": ("max_requests_per_level", ""),
    "max_requests_per_run": ("max_requests_per_level", ""),
}
_SEARCH_KEYS = ("n_initial_random", "study_name", "storage")


def convert_legacy(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Our form of a task document, and a warning for everything that was changed."""
    document = deepcopy(dict(data))
    warnings: list[Problem] = []

    def warn(path: str, message: str) -> None:
        warnings.append(Problem(path, message))

    for step in _STEPS:
        step(document, warn)
    return document, warnings


def _rename_sections(document: dict[str, Any], warn: Warn) -> None:
    for old, new in _RENAMED_SECTIONS.items():
        if old in document and new not in document:
            document[new] = document.pop(old)
            warn(old, f"read as {new}")


def _drop_foreign_keys(document: dict[str, Any], warn: Warn) -> None:
    for key, why in {**dict.fromkeys(_STORED_ROW, "a new task has its own"), **_DROPPED}.items():
        if key in document:
            del document[key]
            warn(key, f"left out: {why}")
    for key, empty in (("description", ""), ("slo", {}), ("fixed_parameters", {})):
        if key in document and document[key] is None:
            document[key] = empty
    if document.get("runtime_image_tag") == "":
        document["runtime_image_tag"] = None
    model = document.get("model")
    if isinstance(model, dict) and "namespace" in model:
        del model["namespace"]
        warn("model.namespace", "left out: there are no Kubernetes namespaces")
    optimization = document.get("optimization")
    if isinstance(optimization, dict):
        for key in _SEARCH_KEYS:
            if key in optimization:
                del optimization[key]
                warn(f"optimization.{key}", "left out: the search strategy sees to it")


def _change_deployment(document: dict[str, Any], warn: Warn) -> None:
    model = document.get("model")
    on_kubernetes = isinstance(model, dict) and "namespace" in model
    if document.get("deployment_mode") == "ome":
        on_kubernetes = True
        document["deployment_mode"] = "docker"
        warn("deployment_mode", "'ome' (Kubernetes) is read as docker")
    runtime = document.get("base_runtime")
    if not on_kubernetes or not isinstance(runtime, str):
        return
    engines = [name for name in _PARALLEL_FLAGS if name in runtime]
    if len(engines) == 1 and runtime != engines[0]:
        document["base_runtime"] = engines[0]
        warn("base_runtime", f"the cluster's runtime {runtime!r} is read as {engines[0]}")


def _convert_domains(document: dict[str, Any], warn: Warn) -> None:
    parameters = document.get("parameters")
    if not isinstance(parameters, dict):
        return
    for name, value in list(parameters.items()):
        if isinstance(value, dict) and "type" in value:
            domain = _domain(value)
            if domain is not None:
                parameters[name] = domain
                warn(f"parameters.{name}", f"type {shown(value['type'])} is read as {domain}")
        elif value == []:
            del parameters[name]
            warn(f"parameters.{name}", "left out: it has no choices")


def _domain(value: Mapping[str, Any]) -> object:
    kind = value["type"]
    if kind in ("choice", "categorical"):
        return value.get("values", value.get("choices"))
    numeric = {key: value[key] for key in ("low", "high", "step", "log") if key in value}
    for old, new in (("min", "low"), ("max", "high")):
        if old in value:
            numeric.setdefault(new, value[old])
    if numeric.get("log") is False:
        del numeric["log"]
    if not {"low", "high"} <= numeric.keys():
        return None
    if kind in ("integer", "int"):
        return numeric
    if kind in ("continuous", "float"):
        return {
            key: float(number) if type(number) is int else number for key, number in numeric.items()
        }
    return None


def _merge_parallel(document: dict[str, Any], warn: Warn) -> None:
    """`parallel_config: {tp: [1, 2]}` was searched beside the parameters."""
    config = document.get("parallel_config")
    flags = _PARALLEL_FLAGS.get(str(document.get("base_runtime")))
    if config in ({}, None):
        document.pop("parallel_config", None)
        return
    if not isinstance(config, dict) or flags is None:
        return
    del document["parallel_config"]
    for key, value in config.items():
        if key not in flags:
            warn(f"parallel_config.{key}", f"left out: {document['base_runtime']} has no such flag")
            continue
        _set_flag(document, flags[key], value, f"parallel_config.{key}", warn)


def _merge_quantisation(document: dict[str, Any], warn: Warn) -> None:
    config = document.get("quant_config")
    if config in ({}, None):
        document.pop("quant_config", None)
        return
    if not isinstance(config, dict):
        return
    del document["quant_config"]
    for key, value in config.items():
        path = f"quant_config.{key}"
        if value == "auto":
            continue
        if key == "gemm_dtype" and value in _QUANTISED_GEMM:
            _set_flag(document, "quantization", value, path, warn)
        elif key in _QUANTISATION_FLAGS:
            _set_flag(document, _QUANTISATION_FLAGS[key], value, path, warn)
        else:
            warn(path, f"left out: set the engine's own flags instead of {shown(value)}")


def _set_flag(document: dict[str, Any], flag: str, value: object, path: str, warn: Warn) -> None:
    section = "parameters" if isinstance(value, list) else "fixed_parameters"
    sections = [document.get(name) for name in ("parameters", "fixed_parameters")]
    if any(isinstance(flags, dict) and flag in flags for flags in sections):
        warn(path, f"left out: {flag} is set already")
        return
    flags = document.setdefault(section, {})
    if not isinstance(flags, dict):
        return
    flags[flag] = value
    warn(path, f"read as {section}.{flag}")


def _spell_flags(document: dict[str, Any], warn: Warn) -> None:
    """Leading dashes and underscores; the names themselves are the schema's to judge."""
    for section in ("parameters", "fixed_parameters"):
        flags = document.get(section)
        if not isinstance(flags, dict):
            continue
        respelt: dict[str, Any] = {}
        for name, value in flags.items():
            right = name.lstrip("-").replace("_", "-") if isinstance(name, str) else name
            if right != name and right not in flags and right not in respelt:
                warn(f"{section}.{name}", f"read as {right}")
                respelt[right] = value
            else:
                respelt[name] = value
        document[section] = respelt


def _convert_slo(document: dict[str, Any], warn: Warn) -> None:
    slo = document.get("slo")
    if not isinstance(slo, dict):
        return
    converted: dict[str, Any] = {}
    for key, value in slo.items():
        if key == "steepness":
            warn("slo.steepness", "left out: a bound holds or it does not")
        elif key in {"ttft", "tpot"} and isinstance(value, dict):
            _add_bound(converted, f"{key}_mean_s", value, f"slo.{key}", warn)
        elif key in {"latency", "e2e"} and isinstance(value, dict):
            for statistic, bound in value.items():
                if isinstance(bound, dict):
                    path = f"slo.{key}.{statistic}"
                    _add_bound(converted, f"e2e_{statistic}_s", bound, path, warn)
        else:
            converted[key] = value
    document["slo"] = converted


def _add_bound(
    converted: dict[str, Any], key: str, value: Mapping[str, Any], path: str, warn: Warn
) -> None:
    if value.get("threshold") is None:
        warn(path, "left out: it has no threshold")
        return
    converted[key] = value["threshold"]
    extras = [name for name in ("weight", "hard_fail", "fail_ratio") if name in value]
    note = f"; without {', '.join(extras)}: a bound holds or it does not" if extras else ""
    warn(path, f"read as {key}: {value['threshold']}{note}")


def _convert_benchmark(document: dict[str, Any], warn: Warn) -> None:
    benchmark = document.get("benchmark")
    if not isinstance(benchmark, dict):
        return
    for old, (new, note) in _RENAMED_LIMITS.items():
        if old in benchmark:
            value = benchmark.pop(old)
            benchmark.setdefault(new, value)
            warn(f"benchmark.{old}", f"read as {new}" + (f" ({note})" if note else ""))
    params = benchmark.get("additional_params")
    if isinstance(params, dict):
        for key, value in params.items():
            if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}(?:\.\d{1,18})?", value):
                number = float(value)
                params[key] = number
                warn(
                    f"benchmark.additional_params.{key}", f"the text {value!r} is read as {number}"
                )
    _mend_scenarios(benchmark, warn)


def _mend_scenarios(benchmark: dict[str, Any], warn: Warn) -> None:
    scenarios = benchmark.get("traffic_scenarios")
    parts = [scenarios] if isinstance(scenarios, str) else scenarios
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return
    mended = mend_scenarios(parts)
    if mended != scenarios:
        benchmark["traffic_scenarios"] = mended
        warn("benchmark.traffic_scenarios", f"{scenarios!r} is mended to {mended}")


_STEPS: tuple[Callable[[dict[str, Any], Warn], None], ...] = (
    _rename_sections,
    _change_deployment,
    _drop_foreign_keys,
    _convert_domains,
    _merge_parallel,
    _merge_quantisation,
    _spell_flags,
    _convert_slo,
    _convert_benchmark,
)
