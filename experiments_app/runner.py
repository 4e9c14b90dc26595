"""Runs one experiment: the story, top to bottom.

`run_experiment(pk)` needs only the database, this host's devices and the settings, so whatever
executes it (a Huey worker, a command in the foreground) calls the same function.
"""

import shlex
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from experiments_app import leases, measurements, objective, task_log
from experiments_app.benchmark import (
    BenchmarkError,
    BenchmarkRequest,
    ErrorKind,
    GenaiBench,
    LevelResult,
)
from experiments_app.benchmark.warmup import warm_up
from experiments_app.engines import ENGINES, EngineError, Launch, RunningServer
from experiments_app.engines.model_source import ModelNotFound
from experiments_app.launch_plan import HOST, LaunchPlan, find_model, plan_launch
from experiments_app.leases import (
    Cancelled,
    Claim,
    ClaimLost,
    Heartbeat,
    NoFreePort,
    claim,
    lease_port,
)
from experiments_app.live_progress import LiveProgress
from experiments_app.llamacpp.tokenizer import TokenizerError
from experiments_app.metrics import Level, level_of
from experiments_app.models import Experiment
from experiments_app.network import proxy_environment
from experiments_app.processes import MARKER_VARIABLE
from tasks_app.expressions import ExpressionError
from tasks_app.masking import mask_text
from tasks_app.models import Run, StaleState
from tasks_app.runtimes import RuntimeFileError
from tasks_app.spec import TaskSpec

# Whatever is measured on this host is measured alone.
WHOLE_HOST = "host"
# One wave of full prompts and short answers: what is paid on first use (memory, graphs, threads) is
# paid by then. On a server so slow that the time is up first, nothing is cold either.
WARM_UP_OUTPUT_TOKENS = 16
WARM_UP_LIMIT_S = 60.0


class NoResultFolder(Exception):
    """There is no place for the results: the disk is full, or not ours to write."""


class TimeUp(Exception):
    """The experiment took longer than `timeout_per_iteration`."""


# What may go wrong around engine and benchmark, whose errors carry a kind of their own.
KINDS: dict[type[Exception], str] = {
    TimeUp: "time_out",
    NoFreePort: "port_taken",
    ModelNotFound: "model_not_found",
    TokenizerError: "tokenizer",
    RuntimeFileError: "runtime_broken",
    ExpressionError: "runtime_broken",
    NoResultFolder: "results_unwritable",
}


def run_experiment(pk: int) -> bool:
    """Run a pending experiment to its end, whatever that is.

    False when it was not ours to run: another worker was first, or the host is busy.
    """
    taken = claim(pk, [WHOLE_HOST])
    if taken is None:
        return False
    experiment = Experiment.objects.select_related("task").get(pk=pk)
    try:
        with Heartbeat(taken) as heartbeat:
            Attempt(experiment, taken, heartbeat).run()
    except (KeyboardInterrupt, SystemExit):
        with suppress(StaleState):  # handed back already, most of the time
            experiment.hand_back(taken.token, attempt_counts=False)
        raise
    finally:
        leases.release(taken)
    return True


class Attempt:
    """One attempt at an experiment, by the worker that holds its claim."""

    def __init__(self, experiment: Experiment, claim: Claim, heartbeat: Heartbeat) -> None:
        self.experiment = experiment
        self.claim = claim
        self.heartbeat = heartbeat
        self.spec: TaskSpec = Run.objects.get(task=experiment.task, number=experiment.run).task_spec
        self.deadline = time.monotonic() + self.spec.optimization.timeout_per_iteration
        self.progress = LiveProgress(experiment, claim.token)
        self.levels: list[Level] = []
        self.durations: dict[str, float] = {}

    def run(self) -> None:
        """Measure and write down how it ended. Only a bug leaves this method as an exception."""
        try:
            self._measure()
            self._succeed()
        except Cancelled:
            self._write_end(self.experiment.cancel)
            self._log("cancelled")
        except (ClaimLost, StaleState) as error:
            self._log(f"given up: {error}")
        except (KeyboardInterrupt, SystemExit):
            self._write_end(
                lambda token, **_: self.experiment.hand_back(token, attempt_counts=False)
            )
            self._log("interrupted: to be run again")
            raise
        except tuple(KINDS) as error:
            self._fail(next(KINDS[kind] for kind in KINDS if isinstance(error, kind)), str(error))
        except (BenchmarkError, EngineError) as error:
            self._fail(str(error.kind), str(error))
        except Exception as error:
            self._fail("internal", f"a fault of this program: {type(error).__name__}: {error}")
            raise

    def _measure(self) -> None:
        """Serve, wait until ready, warm up, measure, take down."""
        self._enter("preparing")
        model = find_model(self.spec)
        port = lease_port(self.claim, settings.PORT_RANGE)
        plan = plan_launch(self.spec, self.experiment.parameters, model, port)
        folder = self._result_folder()
        launch = self._launch(plan, folder)
        self.experiment.write(
            self.claim.token,
            command=plan.command,
            port=port,
            log_path=str(launch.log_path),
            result_folder=str(folder),
        )
        flags = shlex.join(plan.runtime.flag_arguments(self.experiment.parameters))
        self._log(f"starting on port {port}: {flags or 'the defaults'}")

        # genai-bench loads itself while the server starts: that takes it seconds.
        with (
            ENGINES[self.spec.deployment_mode]().start(launch) as server,
            GenaiBench(self._request(plan, folder)) as benchmark,
        ):
            self._enter("starting")
            self.durations["start_s"] = server.wait_ready(self._time_left_s(), self._check)
            self.experiment.begin_benchmark(self.claim.token, start_s=self.durations["start_s"])
            self._log(f"ready after {self.durations['start_s']:.1f} s")

            self._enter("warming_up")
            with self._timed("warm_up_s"):
                self._warm_up(plan, server)

            self._enter("measuring")
            with self._timed("measure_s"):
                self._benchmark(plan, benchmark, server)

            self.progress.enter("stopping")  # unchecked: what is measured is measured
            with self._timed("stop_s"):
                benchmark.close()
                server.stop()
            if server.log_incomplete:
                self._log(f"the server's log is not whole: {server.log_incomplete}")

    def _warm_up(self, plan: LaunchPlan, server: RunningServer) -> None:
        """Unmeasured load at the highest concurrency, so that no level pays for the first use."""
        done = warm_up(
            plan.base_url,
            plan.served_model_name,
            scenarios=tuple(self.spec.benchmark.traffic_scenarios),
            concurrency=max(self.spec.benchmark.num_concurrency),
            max_s=min(self._time_left_s(), WARM_UP_LIMIT_S),
            max_output_tokens=WARM_UP_OUTPUT_TOKENS,
            should_stop=lambda: self._check(server),
            additional_params=self.spec.benchmark.additional_params,
        )
        if done.errors:
            self._log(f"warm-up: {done.errors} of {done.requests} failed: {done.first_error}")

    def _benchmark(self, plan: LaunchPlan, benchmark: GenaiBench, server: RunningServer) -> None:
        try:
            results = benchmark.run(
                on_progress=self.progress.report,
                should_stop=lambda: self._check(server),
                deadline_s=self._time_left_s(),
            )
        except BenchmarkError as error:
            self._keep(error.levels, plan)
            server.check_alive()  # a dead server is the cause, its client only felt it
            if error.kind is not ErrorKind.ALL_FAILED or not error.levels:
                raise
            # The levels before hold; this one and the rest are points where nothing was answered.
            self._log(f"not measured further: {error.message}")
            return
        self._keep(results, plan)

    def _keep(self, results: Iterable[LevelResult], plan: LaunchPlan) -> None:
        slo, devices = self.spec.slo, plan.rated_devices
        self.levels = [level_of(result, slo, devices) for result in results]

    def _succeed(self) -> None:
        with transaction.atomic():
            measurements.store(self.experiment, self.levels)
            points = measurements.points_of(self.experiment.measurements.all())
            result = measurements.score(self.spec, points)
            self.experiment.succeed(
                self.claim.token,
                score=result.score,
                slo_excess=result.slo_excess,
                **self.durations,
            )
        unit = objective.unit(self.spec.optimization.objective)
        if result.score is not None:
            self._log(f"measured: {result.score:.4g} {unit}")
        elif result.miss is not None:
            self._log(f"measured, but infeasible: {objective.describe_miss(result.miss)}")
        for remark in measurements.remarks(self.levels):
            self._log(remark)

    def _fail(self, kind: str, message: str) -> None:
        def end(token: str, **changes: Any) -> None:
            measurements.store(self.experiment, self.levels)
            self.experiment.fail(token, kind=kind, error=self._masked(message), **changes)

        self._write_end(end)
        self._log(f"failed ({kind}): {message}")

    def _write_end(self, end: Callable[..., None]) -> None:
        """Write the outcome, unless somebody took the claim back: then the outcome is theirs."""
        try:
            with transaction.atomic():
                end(self.claim.token, **self.durations)
        except StaleState as error:
            self._log(f"given up: {error}")

    # What the phases need

    def _launch(self, plan: LaunchPlan, folder: Path) -> Launch:
        return Launch(
            command=plan.command,
            host=HOST,
            port=plan.port,
            health_path=plan.runtime.health_path,
            served_model_name=plan.served_model_name,
            log_path=folder / "server.log",
            marker=self.claim.marker,
            environment=plan.environment,
        )

    def _request(self, plan: LaunchPlan, folder: Path) -> BenchmarkRequest:
        benchmark = self.spec.benchmark
        return BenchmarkRequest(
            api_base=plan.base_url,
            backend=plan.runtime.genai_bench_backend,
            model_name=plan.served_model_name,
            tokenizer=plan.tokenizer,
            scenarios=tuple(benchmark.traffic_scenarios),
            concurrencies=tuple(benchmark.num_concurrency),
            folder=folder / "genai-bench",
            max_requests_per_level=benchmark.max_requests_per_level,
            max_minutes_per_level=benchmark.max_minutes_per_level,
            seed=self.spec.optimization.seed,
            additional_params=benchmark.additional_params,
            genai_bench_path=settings.GENAI_BENCH_PATH,
            environment={**proxy_environment(), MARKER_VARIABLE: self.claim.marker},
        )

    def _result_folder(self) -> Path:
        """A folder of this attempt alone: no result is ever read from an earlier one."""
        experiment = self.experiment
        folder = (
            Path(settings.HOME.results)
            / f"task_{experiment.task_id}"
            / f"run_{experiment.run}"
            / f"experiment_{experiment.number}"
            / f"attempt_{self.claim.attempt}_{self.claim.token[:6]}"
        )
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise NoResultFolder(f"{folder} cannot be made: {error.strerror}") from error
        return folder

    def _time_left_s(self) -> float:
        return max(self.deadline - time.monotonic(), 0.0)

    def _check(self, server: RunningServer | None = None) -> None:
        """Raises when there is no reason to go on: cancelled, claim lost, time up, server dead."""
        self.heartbeat.check()
        if time.monotonic() > self.deadline:
            limit_s = self.spec.optimization.timeout_per_iteration
            raise TimeUp(
                f"not finished within timeout_per_iteration ({limit_s} s);"
                f" it was {self.progress.words}"
            )
        if server is not None:
            server.check_alive()

    def _enter(self, phase: str) -> None:
        self._check()
        self.progress.enter(phase)

    def _timed(self, name: str) -> "_Timer":
        return _Timer(self.durations, name)

    def _masked(self, text: str) -> str:
        return mask_text(text, self.spec.environment | proxy_environment())

    def _log(self, message: str) -> None:
        experiment = self.experiment
        message = self._masked(message)
        task_log.write(experiment.task_id, message, run=experiment.run, number=experiment.number)


class _Timer:
    """Notes under `name` how many seconds its `with` block took, however it ended."""

    def __init__(self, durations: dict[str, float], name: str) -> None:
        self._durations = durations
        self._name = name

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._durations[self._name] = time.monotonic() - self._started
