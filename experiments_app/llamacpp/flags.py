"""llama-server's flags as our launcher takes them: names, values, and where each value goes.

Names, meanings and defaults are llama-server's own (`tools/server/README.md` of llama.cpp), so
that what was measured here can be copied to a llama-server elsewhere. A flag that is not given
leaves llama.cpp's default alone; the few defaults that llama-server's argument parser sets and
the library does not are in `SERVER_DEFAULTS`.
"""

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class FlagError(ValueError):
    """A command line that llama-server would refuse too; one sentence for the user."""


@dataclass(frozen=True)
class EnumMember:
    """A member of one of the library's enums, by name: this module does not import it."""

    enum: str
    member: str


Value = int | float | str | bool | EnumMember


@dataclass(frozen=True)
class Flag:
    """`target` is a path of attributes on `CommonParams`; `parse` is None for a switch.

    A switch sets True, and False under `off_name`; `inverted` where the parameter means "no".
    """

    target: str
    parse: Callable[[str], Value] | None = None
    aliases: tuple[str, ...] = ()
    off_name: str = ""
    inverted: bool = False


def integer(low: int, high: int = 2**31 - 1, *, words: Mapping[str, int] | None = None) -> Any:
    def parse(text: str) -> int:
        if words and text in words:
            return words[text]
        try:
            value = int(text)
        except ValueError:
            options = f" or {', '.join(words)}" if words else ""
            raise FlagError(f"is not a whole number{options}") from None
        if not low <= value <= high:
            raise FlagError(f"is not {_bounds(low, high)}")
        return value

    return parse


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FlagError("is not a number") from None


def choice(enum: str, members: Mapping[str, str]) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        if text not in members:
            raise FlagError(f"is none of {', '.join(members)}")
        return EnumMember(enum, members[text])

    return parse


def threads(text: str) -> int:
    """0 and less mean every logical CPU, as in llama-server (which leaves it out for physical)."""
    value: int = integer(-(2**31))(text)
    return value if value > 0 else os.cpu_count() or 1


def parallel(text: str) -> int:
    value: int = integer(-1)(text)
    if value == 0:
        raise FlagError("is neither -1 (auto) nor 1 or more")
    return value


def on_off(text: str) -> bool:
    if text not in ("on", "off"):
        raise FlagError("is none of on, off")
    return text == "on"


def plain(text: str) -> str:
    return text


def _bounds(low: int, high: int) -> str:
    return f"{low} or more" if high == 2**31 - 1 else f"from {low} to {high}"


KV_TYPES = {
    name: f"GGML_TYPE_{name.upper()}"
    for name in ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
}
FLASH_ATTENTION = {
    "on": "LLAMA_FLASH_ATTN_TYPE_ENABLED",
    "off": "LLAMA_FLASH_ATTN_TYPE_DISABLED",
    "auto": "LLAMA_FLASH_ATTN_TYPE_AUTO",
}
NUMA = {name: f"GGML_NUMA_STRATEGY_{name.upper()}" for name in ("distribute", "isolate", "numactl")}
LOAD_MODES = {
    "auto": "LLAMA_LOAD_MODE_AUTO",
    "none": "LLAMA_LOAD_MODE_NONE",
    "mmap": "LLAMA_LOAD_MODE_MMAP",
    "mlock": "LLAMA_LOAD_MODE_MLOCK",
    "mmap+mlock": "LLAMA_LOAD_MODE_MMAP_MLOCK",
    "dio": "LLAMA_LOAD_MODE_DIRECT_IO",
}
SPLIT_MODES = {
    name: f"LLAMA_SPLIT_MODE_{name.upper()}" for name in ("none", "layer", "row", "tensor")
}
ROPE_SCALING = {
    name: f"LLAMA_ROPE_SCALING_TYPE_{name.upper()}" for name in ("none", "linear", "yarn")
}
PRIORITIES = {
    "-1": "GGML_SCHED_PRIO_LOW",
    "0": "GGML_SCHED_PRIO_NORMAL",
    "1": "GGML_SCHED_PRIO_MEDIUM",
    "2": "GGML_SCHED_PRIO_HIGH",
    "3": "GGML_SCHED_PRIO_REALTIME",
}
REASONING_FORMATS = {
    "none": "COMMON_REASONING_FORMAT_NONE",
    "auto": "COMMON_REASONING_FORMAT_AUTO",
    "deepseek": "COMMON_REASONING_FORMAT_DEEPSEEK",
    "deepseek-legacy": "COMMON_REASONING_FORMAT_DEEPSEEK_LEGACY",
}

FLAGS: dict[str, Flag] = {
    # what is served, and where
    "model": Flag("model.path", plain, ("m",)),
    "alias": Flag("model_alias", plain, ("a",)),
    "host": Flag("hostnames", plain),
    "port": Flag("port", integer(0, 65535)),
    "api-prefix": Flag("api_prefix", plain),
    # CPU
    "threads": Flag("cpuparams.n_threads", threads, ("t",)),
    "threads-batch": Flag("cpuparams_batch.n_threads", threads, ("tb",)),
    "threads-http": Flag("n_threads_http", integer(-1)),
    "prio": Flag("cpuparams.priority", choice("ggml_sched_priority", PRIORITIES)),
    "prio-batch": Flag("cpuparams_batch.priority", choice("ggml_sched_priority", PRIORITIES)),
    "poll": Flag("cpuparams.poll", integer(0, 100)),
    "poll-batch": Flag("cpuparams_batch.poll", integer(0, 100)),
    "numa": Flag("numa", choice("ggml_numa_strategy", NUMA)),
    # batching and slots
    "parallel": Flag("n_parallel", parallel, ("np",)),
    "ctx-size": Flag("n_ctx", integer(0), ("c",)),
    "predict": Flag("n_predict", integer(-1), ("n", "n-predict")),
    "batch-size": Flag("n_batch", integer(1), ("b",)),
    "ubatch-size": Flag("n_ubatch", integer(1), ("ub",)),
    "keep": Flag("n_keep", integer(-1)),
    "cont-batching": Flag("cont_batching", aliases=("cb",), off_name="no-cont-batching"),
    "context-shift": Flag("ctx_shift", off_name="no-context-shift"),
    "slot-prompt-similarity": Flag("slot_prompt_similarity", number, ("sps",)),
    # attention and KV cache
    "flash-attn": Flag(
        "flash_attn_type", choice("llama_flash_attn_type", FLASH_ATTENTION), ("fa",)
    ),
    "cache-type-k": Flag("cache_type_k", choice("ggml_type", KV_TYPES), ("ctk",)),
    "cache-type-v": Flag("cache_type_v", choice("ggml_type", KV_TYPES), ("ctv",)),
    "kv-unified": Flag("kv_unified", aliases=("kvu",), off_name="no-kv-unified"),
    "kv-unified-per-slot": Flag("kv_unified_per_slot", integer(0)),
    "kv-offload": Flag("no_kv_offload", off_name="no-kv-offload", inverted=True),
    "swa-full": Flag("swa_full"),
    "ctx-checkpoints": Flag("n_ctx_checkpoints", integer(0), ("ctxcp", "swa-checkpoints")),
    "checkpoint-min-step": Flag("checkpoint_min_step", integer(0), ("cms",)),
    "cache-ram": Flag("cache_ram_mib", integer(-1), ("cram",)),
    "cache-prompt": Flag("cache_prompt", off_name="no-cache-prompt"),
    "cache-idle-slots": Flag("cache_idle_slots", off_name="no-cache-idle-slots"),
    "cache-reuse": Flag("n_cache_reuse", integer(0)),
    # GPU and loading
    "gpu-layers": Flag(
        "n_gpu_layers", integer(0, words={"auto": -1, "all": -2}), ("ngl", "n-gpu-layers")
    ),
    "split-mode": Flag("split_mode", choice("llama_split_mode", SPLIT_MODES), ("sm",)),
    "main-gpu": Flag("main_gpu", integer(0), ("mg",)),
    "moe-cache-mib": Flag("moe_cache_size", integer(0)),
    "fit": Flag("fit_params", on_off),
    "fit-ctx": Flag("fit_params_min_ctx", integer(1), ("fitc",)),
    "load-mode": Flag("load_mode", choice("llama_load_mode", LOAD_MODES), ("lm",)),
    "repack": Flag("no_extra_bufts", aliases=(), off_name="no-repack", inverted=True),
    "no-host": Flag("no_host"),
    "op-offload": Flag("no_op_offload", off_name="no-op-offload", inverted=True),
    "check-tensors": Flag("check_tensors"),
    "warmup": Flag("warmup", off_name="no-warmup"),
    "perf": Flag("no_perf", off_name="no-perf", inverted=True),
    # context extension
    "rope-scaling": Flag("rope_scaling_type", choice("llama_rope_scaling_type", ROPE_SCALING)),
    "rope-freq-base": Flag("rope_freq_base", number),
    "rope-freq-scale": Flag("rope_freq_scale", number),
    "yarn-orig-ctx": Flag("yarn_orig_ctx", integer(0)),
    "yarn-ext-factor": Flag("yarn_ext_factor", number),
    "yarn-attn-factor": Flag("yarn_attn_factor", number),
    "yarn-beta-slow": Flag("yarn_beta_slow", number),
    "yarn-beta-fast": Flag("yarn_beta_fast", number),
    # API
    "jinja": Flag("use_jinja", off_name="no-jinja"),
    "chat-template": Flag("chat_template", plain),
    "reasoning-format": Flag(
        "reasoning_format", choice("common_reasoning_format", REASONING_FORMATS)
    ),
    "metrics": Flag("endpoint_metrics"),
    "props": Flag("endpoint_props"),
    "slots": Flag("endpoint_slots", off_name="no-slots"),
    "ui": Flag("ui", aliases=("webui",), off_name="no-ui"),
    "timeout": Flag("timeout_read", integer(1), ("to",)),
    "verbosity": Flag("verbosity", integer(0), ("lv", "log-verbosity")),
}

# What llama-server's own argument parser sets where the library's structure says otherwise.
# parallel: -1 is "auto", resolved by the server to 4 slots over one unified KV cache.
SERVER_DEFAULTS: dict[str, Value] = {"n_parallel": -1, "port": 8080}


def _spellings() -> dict[str, tuple[str, bool | None]]:
    """Every spelling -> (target flag, value of a switch or None where a value follows)."""
    found: dict[str, tuple[str, bool | None]] = {}
    for name, flag in FLAGS.items():
        on = None if flag.parse else True
        found[f"--{name}"] = (name, on)
        for alias in flag.aliases:
            found[f"-{alias}" if len(alias) <= 5 and "-" not in alias else f"--{alias}"] = (
                name,
                on,
            )
        if flag.off_name:
            found[f"--{flag.off_name}"] = (name, False)
    return found


SPELLINGS = _spellings()


def parse_arguments(arguments: Sequence[str]) -> dict[str, Value]:
    """Attribute path -> value, for the flags that are given. Raises `FlagError`."""
    values: dict[str, Value] = {}
    remaining = iter(arguments)
    for argument in remaining:
        if argument not in SPELLINGS:
            raise FlagError(_unknown(argument))
        name, switch = SPELLINGS[argument]
        flag = FLAGS[name]
        if flag.parse is None or switch is not None:
            values[flag.target] = bool(switch) != flag.inverted
            continue
        text = next(remaining, None)
        if text is None:
            raise FlagError(f"flag {argument} needs a value")
        try:
            values[flag.target] = flag.parse(text)
        except FlagError as error:
            raise FlagError(f"invalid value for {argument}: {text!r} {error}") from None
    return values


def _unknown(argument: str) -> str:
    if not argument.startswith("-"):
        return f"unexpected argument {argument!r}: every value follows its flag"
    near = difflib.get_close_matches(argument, SPELLINGS, n=1, cutoff=0.5)
    return f"unknown flag {argument}" + (f": did you mean {near[0]}?" if near else "")
