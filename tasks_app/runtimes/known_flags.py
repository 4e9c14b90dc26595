"""Well-known flag names of engines, so that a flag of one in a task of another is noticed.

Names only, and only for telling engines apart and for finding the name that was meant: an
engine's catalogue is its runtime file.
"""

from collections.abc import Mapping

_SHARED = frozenset(
    {
        "chat-template",
        "download-dir",
        "dtype",
        "enable-lora",
        "kv-cache-dtype",
        "load-format",
        "quantization",
        "revision",
        "seed",
        "tokenizer-mode",
        "trust-remote-code",
    }
)
_VLLM = frozenset(
    {
        "async-scheduling",
        "attention-backend",
        "block-size",
        "compilation-config",
        "cpu-offload-gb",
        "data-parallel-size",
        "disable-custom-all-reduce",
        "distributed-executor-backend",
        "enable-chunked-prefill",
        "enable-expert-parallel",
        "enable-prefix-caching",
        "enforce-eager",
        "gpu-memory-utilization",
        "long-prefill-token-threshold",
        "max-long-partial-prefills",
        "max-model-len",
        "max-num-batched-tokens",
        "max-num-partial-prefills",
        "max-num-seqs",
        "max-seq-len-to-capture",
        "num-gpu-blocks-override",
        "num-scheduler-steps",
        "pipeline-parallel-size",
        "preemption-mode",
        "scheduler-delay-factor",
        "scheduling-policy",
        "speculative-config",
        "swap-space",
        "tensor-parallel-size",
    }
)
_SGLANG = frozenset(
    {
        "attention-backend",
        "chunked-prefill-size",
        "context-length",
        "cpu-offload-gb",
        "cuda-graph-bs",
        "cuda-graph-max-bs",
        "data-parallel-size",
        "decode-attention-backend",
        "device",
        "disable-chunked-prefix-cache",
        "disable-cuda-graph",
        "disable-cuda-graph-padding",
        "disable-custom-all-reduce",
        "disable-overlap-schedule",
        "disable-radix-cache",
        "dp-size",
        "enable-dp-attention",
        "enable-dp-lm-head",
        "enable-ep-moe",
        "enable-mixed-chunk",
        "enable-torch-compile",
        "enable-two-batch-overlap",
        "ep-size",
        "expert-parallel-size",
        "load-balance-method",
        "max-prefill-tokens",
        "max-queued-requests",
        "max-running-requests",
        "max-total-tokens",
        "mem-fraction-static",
        "moe-a2a-backend",
        "moe-dense-tp-size",
        "moe-runner-backend",
        "num-continuous-decode-steps",
        "page-size",
        "pp-size",
        "prefill-attention-backend",
        "prefill-max-requests",
        "radix-eviction-policy",
        "sampling-backend",
        "schedule-conservativeness",
        "schedule-low-priority-values-first",
        "schedule-policy",
        "speculative-algorithm",
        "speculative-eagle-topk",
        "speculative-num-draft-tokens",
        "speculative-num-steps",
        "stream-interval",
        "tensor-parallel-size",
        "torch-compile-max-bs",
        "torchao-config",
        "tp-size",
        "triton-attention-num-kv-splits",
    }
)

KNOWN_FLAGS: Mapping[str, frozenset[str]] = {"sglang": _SGLANG | _SHARED, "vllm": _VLLM | _SHARED}
"""By runtime name. A runtime named here may stand in a task before its file is installed."""
