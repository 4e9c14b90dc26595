import signal

import pytest

from experiments_app.engine_error import FailureKind
from experiments_app.engines.failure import (
    EXIT_CODES,
    PATTERNS,
    SENTENCES,
    explain_exit,
    find_cause,
    remedy_for,
)

# What the engines really print, shortened to the lines that count.
LLAMACPP_OUT_OF_MEMORY = """\
0.00.005.330 I srv          init: loading model
0.00.553.464 W llama_context: n_ctx_seq (100096) > n_ctx_train (8192) -- possible overflow
0.00.557.922 E ggml_aligned_malloc: insufficient memory (attempted to allocate 2199.38 MB)
0.00.557.975 E ggml_backend_buft_alloc_buffer: failed to allocate CPU buffer of size 2306211840
0.00.558.156 E llama_init_from_model: failed to initialize the context: failed to allocate \
buffer for kv cache
0.00.558.189 E cmn  common_init_: failed to create context with model '/models/m.gguf'
0.00.559.054 E srv          init: exiting due to model loading error
error: llama.cpp did not start; its own lines above say why
"""
LLAMACPP_CUT = """\
0.00.060.222 E llama_model_load: error loading model: tensor 'blk.15.ffn_up.weight' data is not \
within the file bounds, model is corrupted or incomplete
0.00.060.278 E llama_model_load_from_file_impl: failed to load model
0.00.060.806 E srv          init: exiting due to model loading error
"""
LLAMACPP_NOT_GGUF = """\
0.00.006.975 E gguf_init_from_reader: invalid magic characters: 'm?L>', expected 'GGUF'
0.00.007.298 I srv    operator(): operator(): cleaning up before exit...
"""
VLLM_KV_CACHE = """\
(EngineCore pid=71) ERROR ValueError: To serve at least one request with the models's max seq len \
(131072), (16.00 GiB KV cache is needed, which is larger than the available KV cache memory (9.1 \
GiB). Try increasing `gpu_memory_utilization`.
(APIServer pid=1)   File "/usr/lib/python3.12/site-packages/vllm/v1/engine/core_client.py"
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.
"""


LOGS = {
    FailureKind.OUT_OF_MEMORY: (
        LLAMACPP_OUT_OF_MEMORY,
        "RuntimeError: [enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: not enough memory",
    ),
    FailureKind.OUT_OF_GPU_MEMORY: (
        VLLM_KV_CACHE,
        "ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "ValueError: No available memory for the cache blocks.",
        "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
    ),
    FailureKind.DRIVER_MISSING: (
        "RuntimeError: Found no NVIDIA driver on your system.",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
        "RuntimeError: No CUDA GPUs are available",
    ),
    FailureKind.MODEL_GATED: (
        "huggingface_hub.errors.GatedRepoError: 403 Client Error.",
        (
            "OSError: You are trying to access a gated repo.\n"
            "Access to model meta-llama/Llama-3.2-1B-Instruct is restricted."
        ),
    ),
    FailureKind.NETWORK: (
        "OSError: [Errno 101] Network is unreachable",
        "requests.exceptions.ProxyError: HTTPSConnectionPool: Tunnel connection failed: 407",
        (
            "huggingface_hub.errors.LocalEntryNotFoundError: An error happened while trying to"
            " locate the files on the Hub"
        ),
    ),
    FailureKind.BAD_FLAG: (
        "error: unknown flag --paralel: did you mean --parallel?",
        "vllm serve: error: unrecognized arguments: --foo",
        "launch_server.py: error: argument --tp-size: invalid int value: 'x'",
        "0.1 E llama_init_from_model: quantized V cache requires flash_attn to be enabled",
        "pydantic_core.ValidationError: 1 validation error for VllmConfig",
    ),
    FailureKind.MODEL_BROKEN: (
        LLAMACPP_CUT,
        LLAMACPP_NOT_GGUF,
        "error: the GGUF file /m.gguf is cut: it has 5 bytes and its tensors need 9",
        "safetensors_rust.SafetensorError: Error while deserializing header",
    ),
    FailureKind.MODEL_NOT_FOUND: (
        "error: model file /models/absent.gguf does not exist",
        "OSError: /m is not a local folder and is not a valid model identifier",
        "huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error.",
    ),
    FailureKind.PORT_TAKEN: (
        "OSError: [Errno 98] Address already in use",
        "error: port 8001 on 127.0.0.1 is taken",
    ),
    FailureKind.DISK_FULL: ("OSError: [Errno 28] No space left on device",),
    FailureKind.CRASHED: ("/src/ggml.c:22: GGML_ASSERT(n > 0) failed",),
}


@pytest.mark.parametrize(("kind", "log"), [(kind, log) for kind in LOGS for log in LOGS[kind]])
def test_it_reads_the_kind_from_the_log(kind: FailureKind, log: str) -> None:
    assert explain_exit(1, log).kind == kind


def test_it_quotes_the_line_that_tells_the_cause() -> None:
    message = explain_exit(1, LLAMACPP_OUT_OF_MEMORY).message
    assert message.startswith(
        "The server ran out of memory: llama_init_from_model: failed to initialize the context:"
        " failed to allocate buffer for kv cache (it ended with exit code 1)."
    )


def test_it_takes_the_last_of_several_causes() -> None:
    log = "warning: out of memory, retrying\nOSError: [Errno 98] Address already in use\n"
    assert find_cause(log)[0] == FailureKind.PORT_TAKEN


def test_it_quotes_the_last_error_where_the_kind_is_unknown() -> None:
    failure = explain_exit(1, "loading\nRuntimeError: the moon is wrong\nbye\n")
    assert failure.kind == FailureKind.OTHER
    assert "RuntimeError: the moon is wrong" in failure.message


def test_it_does_not_take_a_benign_log_for_a_cause() -> None:
    assert find_cause("0.01 I srv  init: model loaded\nINFO: Application startup complete.") == (
        None,
        "",
    )


@pytest.mark.parametrize(
    ("exit_code", "kind"), [(127, "command_not_found"), (-signal.SIGSEGV, "crashed"), (1, "other")]
)
def test_it_falls_back_on_the_exit_code(exit_code: int, kind: str) -> None:
    assert explain_exit(exit_code, "").kind == kind


def test_it_does_not_blame_the_log_for_a_kill_from_outside() -> None:
    failure = explain_exit(-signal.SIGKILL, "W cache: out of memory, evicting\n")
    assert failure.kind == FailureKind.CRASHED
    assert failure.message == "The server was killed by SIGKILL."


def test_it_tells_the_kernels_out_of_memory_killer_from_another_kill() -> None:
    failure = explain_exit(-signal.SIGKILL, "", killed_for_memory=True)
    assert failure.kind == FailureKind.OUT_OF_MEMORY


def test_it_has_a_sentence_for_every_kind_that_an_exit_or_a_log_tells() -> None:
    told = {kind for kind, _ in PATTERNS} | set(EXIT_CODES.values())

    assert told | {FailureKind.CRASHED, FailureKind.OTHER, FailureKind.TIME_OUT} == set(SENTENCES)


def test_it_tells_the_hosts_memory_where_the_server_had_no_gpu() -> None:
    failure = explain_exit(1, VLLM_KV_CACHE, on_gpus=False)

    assert failure.kind == FailureKind.OUT_OF_MEMORY


@pytest.mark.parametrize("kind", [FailureKind.OUT_OF_GPU_MEMORY, FailureKind.MODEL_GATED])
def test_it_says_what_to_do_about_it(kind: FailureKind) -> None:
    assert remedy_for(kind) in explain_exit(1, LOGS[kind][-1]).message
