"""The parts of genai-bench that are exchanged, all in one place.

They reach into version 0.0.5. Each has its reason beside it; the contract test runs the real thing.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import genai_bench.metrics.aggregated_metrics_collector as collector_module
from genai_bench.cli import cli
from genai_bench.distributed.runner import DistributedRunner
from genai_bench.protocol import UserResponse
from genai_bench.user import base_user, openai_user

from experiments_app.benchmark.launcher.channel import Channel
from experiments_app.benchmark.launcher.load import BAD_ANSWER, Load
from experiments_app.benchmark.launcher.load_error import LoadError
from experiments_app.benchmark.launcher.transport import lean_post


class Dashboard:
    """What genai-bench tells of its progress, handed to the load. `with dashboard.live:` surrounds
    all levels, so entering it is the moment in which everything is ready."""

    layout = None

    def __init__(self, load: Load, channel: Channel) -> None:
        self._load = load
        self._channel = channel
        self.live = self

    def __enter__(self) -> None:
        self._channel.emit("ready")
        self._load.is_ready = True

    def __exit__(self, *_exception: object) -> None:
        pass

    def create_benchmark_progress_task(self, _run_name: str) -> None:
        self._load.begin()

    def update_total_progress_bars(self, _total_runs: int) -> None:
        self._load.finish()

    def __getattr__(self, _name: str) -> Any:
        return lambda *_args, **_kwargs: None


class Asked(list[Any]):
    """What genai-bench loops over: once all is ready, whatever the driver asks for next."""

    def __init__(self, load: Load, values: Iterable[Any], ask: Callable[[], Iterator[Any]]) -> None:
        super().__init__(values)
        self._load = load
        self._ask = ask

    def __iter__(self) -> Iterator[Any]:
        return self._ask() if self._load.is_ready else super().__iter__()


def apply(load: Load, channel: Channel, *, api_base: str, api_key: str | None) -> None:
    _ask_for_levels(load)
    _leave_out_reports()
    _log_to_standard_error()
    _exchange_dashboard(load, channel)
    _exchange_waits(load)
    _exchange_requests(load, api_key)
    _exchange_statistics()
    _name_tokenizer_errors()
    _put_key_in(api_key)
    openai_user.requests = SimpleNamespace(
        post=lean_post(api_base, openai_user.requests.post),
        exceptions=openai_user.requests.exceptions,
    )


def _ask_for_levels(load: Load) -> None:
    """genai-bench measures every concurrency of a scenario, then the next scenario; which level is
    worth its time is seen only from those before it. So each scenario that it takes is that of the
    level that the driver wants, with that level's concurrency alone, until the driver ends it."""
    run = cli.benchmark.callback

    def run_asked(*args: Any, **options: Any) -> Any:
        def scenarios() -> Iterator[str]:
            while True:
                yield load.next_level().scenario

        def concurrencies() -> Iterator[int]:
            yield load.level.concurrency

        options["traffic_scenario"] = Asked(load, options["traffic_scenario"], scenarios)
        options["num_concurrency"] = Asked(load, options["num_concurrency"], concurrencies)
        return run(*args, **options)

    cli.benchmark.callback = run_asked


def _leave_out_reports() -> None:
    """Spreadsheet and plots take three seconds and nobody looks at them."""

    def leave_out(*_args: Any, **_kwargs: Any) -> None:
        return None

    cli.create_workbook = leave_out
    cli.plot_experiment_data_flexible = leave_out
    cli.plot_single_scenario_inference_speed_vs_throughput = leave_out
    cli.load_one_experiment = lambda _folder: (None, {})


def _log_to_standard_error() -> None:
    """genai-bench's own log file has no size limit; the driver caps what we write here."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="{levelname} {asctime} {name}: {message}",
        style="{",
    )
    logging.getLogger("genai_bench.cli.utils").setLevel(logging.ERROR)  # "the folder exists"
    cli.LoggingManager = lambda *_args, **_kwargs: SimpleNamespace(delayed_handler=None)


def _exchange_dashboard(load: Load, channel: Channel) -> None:
    dashboard = Dashboard(load, channel)
    cli.create_dashboard = lambda _time_unit: dashboard


def _exchange_waits(load: Load) -> None:
    """The level ends with its last request, not at the next full second; the pause of 1 s after a
    level is left out where nothing needs it (`Load.next_level`)."""
    cli.manage_run_time = lambda max_time_per_run, **_kwargs: load.wait(max_time_per_run)
    cli.gevent = SimpleNamespace(sleep=lambda _seconds: None)


def _exchange_requests(load: Load, api_key: str | None) -> None:
    collect_metrics = base_user.BaseUser.collect_metrics
    send_request = openai_user.OpenAIUser.send_request
    setup = DistributedRunner.setup

    def setup_and_prepare(runner: Any) -> None:
        setup(runner)
        load.prepare(runner.environment, runner.metrics_collector)

    def collect(user: Any, response: Any, endpoint: str) -> None:
        if api_key and response.error_message:  # some servers repeat the key that they refuse
            response.error_message = response.error_message.replace(api_key, "***")
        load.collected(user, response, lambda r: collect_metrics(user, r, endpoint))

    def send(user: Any, stream: bool, endpoint: str, *args: Any) -> Any:
        """Counts the answers that genai-bench drops with a traceback."""
        try:
            return send_request(user, stream, endpoint, *args)
        except Exception as error:  # noqa: BLE001 — whatever its parser trips over
            message = f"The answer could not be read: {type(error).__name__}: {error}"
            user.ticket.answered = False
            response = UserResponse(status_code=BAD_ANSWER, error_message=message)
            user.collect_metrics(response, endpoint)
            return response

    def sample(user: Any) -> Any:
        return load.next_request(user)

    DistributedRunner.setup = setup_and_prepare
    base_user.BaseUser.sample = sample
    base_user.BaseUser.collect_metrics = collect
    openai_user.OpenAIUser.send_request = send


def _exchange_statistics() -> None:
    """A level without one success has no statistics; its requests are wanted all the same."""
    collector = collector_module.AggregatedMetricsCollector
    aggregate = collector.aggregate_metrics_data

    def aggregate_or_not(self: Any, *args: Any) -> None:
        try:
            aggregate(self, *args)
        except ValueError as error:
            logging.getLogger(__name__).warning("No statistics of this level: %s", error)

    collector.aggregate_metrics_data = aggregate_or_not
    # For a display that nobody sees; its first percentiles hold all streams up for 20 ms.
    collector._update_live_metrics = lambda _self: None


def _name_tokenizer_errors() -> None:
    validate = cli.validate_tokenizer

    def validate_tokenizer(name: str) -> Any:
        try:
            return validate(name)
        except Exception as error:
            message = f"The tokenizer {name} could not be loaded: {error}"
            raise LoadError("tokenizer", message) from error

    cli.validate_tokenizer = validate_tokenizer


def _put_key_in(api_key: str | None) -> None:
    """The command line, and so the metadata file, has a placeholder in the key's place."""
    create = cli.UnifiedAuthFactory.create_model_auth

    def create_model_auth(*args: Any, **kwargs: Any) -> Any:
        provider = create(*args, **kwargs)
        provider.openai_auth.api_key = api_key
        return provider

    cli.UnifiedAuthFactory = SimpleNamespace(create_model_auth=create_model_auth)
