"""llama.cpp's HTTP server, from the `xllamacpp` wheel, under llama-server's own flags.

    python -m experiments_app.llamacpp.server --model FILE --port 8080 [flags of llama-server]

Serves until SIGTERM or SIGINT. With the environment variable AUTOTUNER_EXPERIMENT set (it runs
for an experiment) it is also killed when the thread that started it ends, on Linux.

Imports stay few: what is imported here is waited for at every start.
"""

import errno
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from experiments_app.llamacpp.flags import (
    SERVER_DEFAULTS,
    EnumMember,
    FlagError,
    Value,
    parse_arguments,
)
from experiments_app.parent_death import die_with_parent

DEFAULT_HOST = "127.0.0.1"


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    BAD_FLAG = 2
    MODEL_NOT_FOUND = 3
    MODEL_BROKEN = 4
    PORT_TAKEN = 5
    NOT_INSTALLED = 6


class StartError(Exception):
    def __init__(self, exit_code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def main(arguments: Sequence[str]) -> int:
    if os.environ.get("AUTOTUNER_EXPERIMENT"):
        die_with_parent()
    if {"-h", "--help"} & set(arguments):
        print(help_text())
        return ExitCode.OK
    try:
        settings = parse_arguments(arguments)
        serve(settings)
    except FlagError as error:
        return _fail(ExitCode.BAD_FLAG, str(error))
    except StartError as error:
        return _fail(error.exit_code, str(error))
    return ExitCode.OK


def serve(settings: dict[str, Value]) -> None:
    """Load the model and serve until SIGTERM or SIGINT. Raises `StartError`."""
    model = Path(str(settings.get("model.path", "")))
    if "model.path" not in settings:
        raise StartError(ExitCode.BAD_FLAG, "flag --model is missing: the path of a .gguf file")
    if not model.is_file():
        raise StartError(ExitCode.MODEL_NOT_FOUND, f"model file {model} does not exist")
    host = str(settings.get("hostnames", DEFAULT_HOST))
    port = int(str(settings.get("port", SERVER_DEFAULTS["port"])))
    _check_port(host, port)

    library = _library()
    parameters = _parameters(library, settings, model, host)
    try:
        # Blocks until the model is loaded and the socket listens. A signal in the meantime ends
        # the process at once by its default action: there is nothing to tidy up yet.
        server = library.Server(parameters)
    except (RuntimeError, MemoryError) as error:
        raise _start_error(model, host, port) from error
    _wait_for_signal(f"serving {model.name} on {server.listening_address}")
    # Its own way out waits until the last client has taken the last token of its answer, which
    # one that hangs never does. Nothing here needs it: memory and sockets go with the process.
    os._exit(ExitCode.OK)


def _parameters(library: Any, settings: dict[str, Value], model: Path, host: str) -> Any:
    parameters = library.CommonParams()
    served_name = str(settings.get("model_alias", model.name))
    values: dict[str, Any] = {
        **SERVER_DEFAULTS,
        **settings,
        "hostnames": host.split(","),
        "model_alias": {name.strip() for name in served_name.split(",")},
    }
    if "timeout_read" in settings:
        values["timeout_write"] = settings["timeout_read"]
    for target, value in values.items():
        *path, attribute = target.split(".")
        owner = parameters
        for step in path:
            owner = getattr(owner, step)
        setattr(owner, attribute, _resolved(library, value))
    return parameters


def _resolved(library: Any, value: Any) -> Any:
    if isinstance(value, EnumMember):
        return getattr(getattr(library, value.enum), value.member)
    return value


def _library() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise StartError(
            ExitCode.NOT_INSTALLED,
            f"the package xllamacpp cannot be imported ({error}): install requirements.lock again",
        ) from error
    return xllamacpp


def _check_port(host: str, port: int) -> None:
    for address in host.split(","):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                raise _port_error(address, port, error) from error


def _port_error(address: str, port: int, error: OSError) -> StartError:
    if error.errno == errno.EADDRINUSE:
        return StartError(ExitCode.PORT_TAKEN, f"port {port} on {address} is taken")
    return StartError(
        ExitCode.FAILED, f"cannot listen on port {port} of {address}: {error.strerror}"
    )


def _start_error(model: Path, host: str, port: int) -> StartError:
    """Why the server did not start: the library's own exception does not say."""
    from experiments_app.llamacpp.gguf_file import GgufError, check_complete

    try:
        check_complete(model)
    except GgufError as broken:
        return StartError(ExitCode.MODEL_BROKEN, str(broken))
    except OSError as unreadable:
        return StartError(ExitCode.MODEL_NOT_FOUND, f"model file {model}: {unreadable.strerror}")
    try:
        _check_port(host, port)
    except StartError as error:  # somebody took it between our look and the server's
        return error
    return StartError(ExitCode.FAILED, "llama.cpp did not start; its own lines above say why")


def _wait_for_signal(announcement: str) -> None:
    """Sleep until SIGTERM or SIGINT, whichever of the library's threads it reaches.

    From the announcement on a signal is a regular end, with exit code 0.
    """
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    signal.set_wakeup_fd(write_fd)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    print(announcement, flush=True)
    select.select([read_fd], [], [])


def _fail(exit_code: ExitCode, message: str) -> int:
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr, flush=True)
    return exit_code


def help_text() -> str:
    from experiments_app.llamacpp.flags import FLAGS

    lines = [__doc__ or "", "Flags (meaning and default as in llama-server's documentation):"]
    for name, flag in FLAGS.items():
        value = " VALUE" if flag.parse else ""
        off = f", --{flag.off_name}" if flag.off_name else ""
        lines.append(f"  --{name}{value}{off}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
