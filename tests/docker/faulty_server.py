"""The server of known pace as a container's only process, with the ways in which engines go wrong.

faulty_server.py --port N [--mode MODE] [--slow-start S] [--flood-mb N] [flags of known_pace_server]

`known_pace_server.py` lies beside it and has the faults of answers (--fault); here are those of
the process around it.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

from known_pace_server import FAULTS, Options, Server  # type: ignore[import-not-found]

GPU_MEMORY_TRACE = """\
Traceback (most recent call last):
  File "/app/engine.py", line 1, in load_model
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total \
capacity of 79.10 GiB of which 1.25 GiB is free."""
MODES = (
    "serve",
    "ignore-sigterm",
    "flood",  # its log grows as fast as it is read
    "exit",  # at once, with a message
    "gpu-memory",  # at once, with what an engine says that found its GPU too small
    "eat-memory",  # until it is ended for it
    "worker-eats-memory",  # a child is ended for it, and the server ends in its own way
    "no-health",  # it runs and never listens
    "die",  # killed by the request after the first `--fault-after`
)


def flood(megabytes: int) -> None:
    block = (b"x" * 99 + b"\n") * 10_000
    for _ in range(megabytes):
        sys.stdout.buffer.write(block)


def eat_memory() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(b"x") * (16 << 20))
        time.sleep(0.01)


def end(_number: int, _frame: FrameType | None) -> None:
    os.write(1, b"told to end\n")
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=MODES, default="serve")
    parser.add_argument("--slow-start", type=float, default=0, help="seconds until it listens")
    parser.add_argument("--flood-mb", type=int, default=1024)
    parser.add_argument("--exit-code", type=int, default=3)
    parser.add_argument("--ttft-ms", type=float, default=50)
    parser.add_argument("--tpot-ms", type=float, default=10)
    parser.add_argument("--fault", choices=FAULTS, default="none")
    parser.add_argument("--fault-after", type=int, default=0)
    chosen = parser.parse_args()

    # The first process of a container ignores a signal that it has no handler for.
    if chosen.mode != "ignore-sigterm":
        signal.signal(signal.SIGTERM, end)
    # Whole lines: print() may write a line and its end apart, and the two streams are mixed.
    os.write(1, b"first line\n")
    os.write(2, b"a line of its standard error\n")
    if chosen.mode == "exit":
        print("RuntimeError: told to end", file=sys.stderr, flush=True)
        sys.exit(chosen.exit_code)
    if chosen.mode == "gpu-memory":
        print(GPU_MEMORY_TRACE, file=sys.stderr, flush=True)
        sys.exit(1)
    if chosen.mode == "eat-memory":
        eat_memory()
    if chosen.mode == "worker-eats-memory":
        subprocess.call(
            [sys.executable, __file__, "--port", str(chosen.port), "--mode", "eat-memory"]
        )
        sys.exit("RuntimeError: Engine core initialization failed. See root cause above.")
    if chosen.mode == "no-health":
        signal.pause()
    if chosen.mode == "die":
        # The first process of a container cannot kill itself, so a child does.
        server = [sys.executable, "/app/known_pace_server.py", "--port", str(chosen.port)]
        fault = ["--fault", "die-after", "--fault-after", str(chosen.fault_after)]
        sys.exit(128 - subprocess.call([*server, *fault]))
    if chosen.mode == "flood":
        threading.Thread(target=flood, args=(chosen.flood_mb,), daemon=True).start()
    time.sleep(chosen.slow_start)
    options = Options(
        ttft_ms=chosen.ttft_ms,
        tpot_ms=chosen.tpot_ms,
        fault=chosen.fault,
        fault_after=chosen.fault_after,
    )
    Server(options=options, port=chosen.port).serve()


if __name__ == "__main__":
    main()
