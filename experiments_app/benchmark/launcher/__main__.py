"""Runs genai-bench's benchmark command under the driver's control."""

import sys

from experiments_app.benchmark.launcher.channel import Channel
from experiments_app.benchmark.launcher.trim import trimmed_imports
from experiments_app.benchmark.version import GENAI_BENCH_VERSION


def main() -> None:
    channel = Channel(int(sys.argv[1]))  # before gevent, see there
    try:
        failure = run(channel)
    except BaseException as error:  # noqa: BLE001 — the process ends here, the driver must know why
        failure = describe(error)
    if failure:
        channel.emit("failed", kind=failure[0], message=failure[1])
        channel.leave(1)
    channel.emit("finished")
    channel.leave(0)


def run(channel: Channel) -> tuple[str, str] | None:
    import json
    import signal
    from pathlib import Path

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_args: channel.leave(130))
    with trimmed_imports():
        import genai_bench  # patches with gevent, so nothing may come before it
        from genai_bench.version import __version__

        if __version__ != GENAI_BENCH_VERSION:
            return "other", (
                f"genai-bench {GENAI_BENCH_VERSION} is needed, but {sys.executable} has "
                f"{__version__} in {Path(genai_bench.__file__).parent}"
            )
        import genai_bench.cli.cli
    from experiments_app.benchmark.launcher import patches
    from experiments_app.benchmark.launcher.load import Load
    from experiments_app.benchmark.launcher.own_prompts import Rows
    from experiments_app.benchmark.launcher.request_sets import RequestSets

    config = json.loads(channel.next_line())
    load = Load(
        channel,
        Path(config["folder"]),
        levels=[(scenario, concurrency) for scenario, concurrency in config["levels"]],
        requests=config["requests"],
        request_sets=RequestSets(
            config["seed"],
            config["request_set"],
            fresh=config["fresh_prompts"],
            own=Rows.of(config["dataset"]),
        ),
    )
    patches.apply(load, channel, api_base=config["api_base"], api_key=config["api_key"])
    genai_bench.cli.cli.benchmark.main(
        args=config["arguments"], prog_name="genai-bench", standalone_mode=False
    )
    return None


def describe(error: BaseException) -> tuple[str, str]:
    """(kind, message) of what ended genai-bench."""
    import errno
    import traceback

    kind = getattr(error, "kind", None)
    if kind is not None:
        return kind, str(error)
    traceback.print_exception(error)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "disk_full", f"No space is left for the results: {error}"
    if isinstance(error, ModuleNotFoundError):
        return "other", (
            f"genai-bench {GENAI_BENCH_VERSION} is not installed for {sys.executable}: {error}"
        )
    format_message = getattr(error, "format_message", None)  # click's errors about options
    message = format_message() if format_message else str(error)
    return "other", f"genai-bench failed: {type(error).__name__}: {message}"


if __name__ == "__main__":
    main()
