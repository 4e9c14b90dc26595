"""Why a server ended, read from its exit code and its log, in words for the user."""

import re
import signal
from dataclasses import dataclass

from experiments_app.engine_error import FailureKind

SEARCHED_LINES = (
    400  # a worker's cause can stand above the long tracebacks of those that wait for it
)

SENTENCES = {
    FailureKind.OUT_OF_MEMORY: "The server ran out of memory",
    FailureKind.OUT_OF_GPU_MEMORY: "The server ran out of GPU memory",
    FailureKind.BAD_FLAG: "The server refused a flag",
    FailureKind.MODEL_NOT_FOUND: "The server did not find the model",
    FailureKind.MODEL_GATED: "The hub did not let the server have the model",
    FailureKind.NETWORK: "The server did not reach the network",
    FailureKind.DRIVER_MISSING: "The server found no usable GPU driver",
    FailureKind.MODEL_BROKEN: "The server could not read the model",
    FailureKind.PORT_TAKEN: "The server's port is taken",
    FailureKind.COMMAND_NOT_FOUND: "The server's command was not found",
    FailureKind.DISK_FULL: "The server ran out of disk space",
    FailureKind.TIME_OUT: "The server was not ready in time",
    FailureKind.CRASHED: "The server crashed",
    FailureKind.OTHER: "The server ended by itself",
}

# What to do about it, where that is not plain from the cause.
REMEDIES = {
    FailureKind.OUT_OF_MEMORY: (
        "Give it more memory, or let it need less: a shorter context, fewer slots, a smaller model."
    ),
    FailureKind.OUT_OF_GPU_MEMORY: (
        "Lower its share of GPU memory (mem-fraction-static, gpu-memory-utilization), the context"
        " or the batch, or use more GPUs."
    ),
    FailureKind.MODEL_GATED: (
        "Accept the model's licence on the hub, and set HF_TOKEN to a token that may read it."
    ),
    FailureKind.NETWORK: (
        "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY; a model in the cache needs no network with"
        " HF_HUB_OFFLINE=1."
    ),
    FailureKind.DRIVER_MISSING: (
        "Check that nvidia-smi works on this host and that the driver is as new as the image needs."
    ),
    FailureKind.PORT_TAKEN: "Stop it, or set PORT_RANGE to ports that nobody else uses.",
    FailureKind.DISK_FULL: "Free some space where models and results are kept.",
    FailureKind.DOCKER_RESTARTED: "It is run again.",
    FailureKind.DOCKER_UNREACHABLE: "See whether it runs (systemctl status docker).",
}

# Exit codes that mean one thing whatever the program: the shell's and env's own.
EXIT_CODES = {126: FailureKind.COMMAND_NOT_FOUND, 127: FailureKind.COMMAND_NOT_FOUND}

# What the logs of llama.cpp, vLLM, SGLang and Python programs say, one expression a line. Within
# a line the first kind that matches counts.
MESSAGES: dict[FailureKind, tuple[str, ...]] = {
    FailureKind.OUT_OF_GPU_MEMORY: (
        r"(CUDA|HIP|GPU)\b.*out of memory",
        r"torch\.(cuda\.)?OutOfMemoryError",
        r"cudaMalloc failed",
        r"CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|CUBLAS_STATUS_ALLOC_FAILED",
        r"No available memory for the cache blocks",
        r"larger than the (available|maximum number of tokens) .*KV cache",
        r"KV cache is needed, which is larger than",
        r"Free memory on device .* is less than desired",
        r"Not enough memory\. Please try to increase --mem-fraction-static",
        r"Capture cuda graph failed",
    ),
    FailureKind.OUT_OF_MEMORY: (
        r"out of memory",
        r"OutOfMemoryError",
        r"cannot allocate memory",
        r"std::bad_alloc",
        r"\bMemoryError\b",
        r"(insufficient|not enough) memory",
        r"failed to allocate .*buffer",
        r"unable to allocate \S+ buffer",
    ),
    FailureKind.DRIVER_MISSING: (
        r"CUDA driver version is insufficient",
        r"Found no NVIDIA driver",
        r"no CUDA-capable device|CUDA_ERROR_NO_DEVICE|No CUDA GPUs are available",
        r"libcuda\.so(\.1)?: cannot open shared object",
        r"forward compatibility was attempted on non supported HW",
        r"Failed to infer device type",
    ),
    FailureKind.PORT_TAKEN: (
        r"address already in use",
        r"port \d+ (on \S+ )?is (already in use|taken)",
        r"couldn't bind .*socket",
    ),
    FailureKind.BAD_FLAG: (
        r"^error: (unknown flag|invalid value for|flag) ",
        r"^error: unexpected argument",
        r"error: (unrecognized arguments|argument -|ambiguous option)",
        r"error: the following arguments are required",
        r"error: invalid argument: -",
        r"error while handling argument",
        r"no such option",
        r"V cache requires flash_attn",
        r"validation errors? for \w*(Config|Args)",
    ),
    FailureKind.MODEL_BROKEN: (
        r"not within the file bounds",
        r"is not a GGUF file",
        r"GGUF file .* (broken|cut)",
        r"gguf_init\w*: (invalid magic|failed to read)",
        r"unknown model architecture",
        r"wrong number of tensors",
        r"Error while deserializing header",
        r"SafetensorError",
    ),
    FailureKind.MODEL_GATED: (
        r"GatedRepoError",
        r"Access to model .* is restricted",
        r"Cannot access gated repo",
        r"(401|403) Client Error.*(huggingface|/resolve/|/api/models)",
    ),
    FailureKind.NETWORK: (
        r"Network is unreachable",
        r"Name or service not known|Temporary failure in name resolution|Failed to resolve",
        r"ProxyError|Tunnel connection failed|Unable to connect to proxy",
        r"(ConnectTimeout|ConnectionError|Max retries exceeded).*(hub|huggingface|/api/models)",
        r"LocalEntryNotFoundError|OfflineModeIsEnabled|cannot reach https?://\S*huggingface",
        r"CERTIFICATE_VERIFY_FAILED",
    ),
    FailureKind.MODEL_NOT_FOUND: (
        r"model file .* does not exist",
        r"failed to open GGUF file",
        r"RepositoryNotFoundError|RevisionNotFoundError",
        r"is not a (local folder|valid model identifier)",
        r"Invalid repository ID or local directory",
        r"Can't load the (configuration|model|tokenizer) ",
        r"No such file or directory: .*(config\.json|\.gguf)",
    ),
    FailureKind.DISK_FULL: (r"No space left on device", r"Disk quota exceeded"),
    FailureKind.CRASHED: (
        r"GGML_ASSERT",
        r"segmentation fault",
        r"core dumped",
        r"Fatal Python error",
        r"terminate called",
    ),
}
PATTERNS = tuple(
    (kind, re.compile("|".join(messages), re.IGNORECASE)) for kind, messages in MESSAGES.items()
)
ERROR_LINE = re.compile(r"^[\w.]*(Error|Exception)\b|\berror\b[: ]|^[\d.]+ E ", re.IGNORECASE)
LLAMACPP_PREFIX = re.compile(r"^[\d.]{6,} [A-Z] ")


@dataclass(frozen=True)
class Failure:
    kind: FailureKind
    message: str


def explain_exit(
    exit_code: int, log_text: str, *, killed_for_memory: bool = False, on_gpus: bool = True
) -> Failure:
    """The kind of a failure and a sentence for it.

    `on_gpus`: whether the server had GPUs: the same engine's words mean the host's memory where
    it had none. `exit_code` as subprocess has it: negative for a signal. `killed_for_memory`: the
    kernel's out-of-memory killer was at work meanwhile, which a bare SIGKILL does not tell.
    """
    if exit_code == -signal.SIGKILL and killed_for_memory:
        return Failure(
            FailureKind.OUT_OF_MEMORY,
            f"{SENTENCES[FailureKind.OUT_OF_MEMORY]}: the system's out-of-memory killer ended it."
            f" {remedy_for(FailureKind.OUT_OF_MEMORY)}",
        )
    how = _describe_exit(exit_code)
    if exit_code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT):
        # Somebody ended it: what its log says by then is not the cause.
        return Failure(FailureKind.CRASHED, f"The server {how}.")
    kind, line = find_cause(log_text)
    if kind is FailureKind.OUT_OF_GPU_MEMORY and not on_gpus:
        kind = FailureKind.OUT_OF_MEMORY
    if kind is None:
        ended = FailureKind.CRASHED if exit_code < 0 else FailureKind.OTHER
        kind = EXIT_CODES.get(exit_code, ended)
    cause = f": {line}" if line else ""
    advice = f" {remedy}" if (remedy := remedy_for(kind)) else ""
    return Failure(kind, f"{SENTENCES[kind]}{cause} (it {how}).{advice}")


def remedy_for(kind: FailureKind) -> str:
    """What to do about it, as a sentence; empty where the cause says it."""
    return REMEDIES.get(kind, "")


def find_cause(log_text: str) -> tuple[FailureKind | None, str]:
    """The kind that the log tells and the line that tells it.

    The last telling line counts: a cause stands near the end, harmless warnings anywhere. Without
    one the kind is None and the line the last that speaks of an error, or empty.
    """
    lines = log_text.splitlines()[-SEARCHED_LINES:]
    for line in reversed(lines):
        for kind, pattern in PATTERNS:
            if pattern.search(line):
                return kind, _tidy(line)
    return None, next((_tidy(line) for line in reversed(lines) if ERROR_LINE.search(line)), "")


def _tidy(line: str) -> str:
    return LLAMACPP_PREFIX.sub("", line.strip()).removeprefix("error: ")[:500]


def _describe_exit(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was killed by signal {-exit_code}"
