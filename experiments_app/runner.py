"""Runs one experiment: the story, top to bottom.

`run_experiment(pk)` needs only the database, this host's devices and the settings, so whatever
executes it (a Huey worker, a command in the foreground) calls the same function.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from autotuner_site.log_context import log_fields
from experiments_app import (
    disk,
    drift,
    leases,
    load_levels,
    measurements,
    objective,
    repeats,
    verification_outcome,
    verification_words,
    words,
)
from experiments_app.allow_lists import NotAllowed
from experiments_app.attempt_context import AttemptContext, TimeUp
from experiments_app.benchmark import BenchmarkError, BenchmarkRequest, ErrorKind, GenaiBench
from experiments_app.benchmark.request import OwnPrompts
from experiments_app.benchmark.warmup import warm_up
from experiments_app.energy import EnergyMeter, counter_for
from experiments_app.engines import (
    EngineError,
    FailureKind,
    RunningServer,
)
from experiments_app.engines.model_source import ModelNotFound
from experiments_app.gpu_demand import gpus_needed
from experiments_app.hub import HubError
from experiments_app.launch_plan import LaunchPlan, SecretsUnreadable
from experiments_app.leases import (
    Cancelled,
    ClaimLost,
    Heartbeat,
    NoFreePort,
    claim,
)
from experiments_app.llamacpp.tokenizer import TokenizerError
from experiments_app.measuring import Measured, Measuring, not_measured
from experiments_app.models import Experiment
from experiments_app.pinned_dataset import own_prompts
from experiments_app.processes import MARKER_VARIABLE
from experiments_app.quality.check import check_answers
from experiments_app.request_sets import request_set
from experiments_app.serving import NoResultFolder, Serving
from experiments_app.usage import UsageSampler, UsageSource, gpu_usage
from tasks_app.expressions import ExpressionError
from tasks_app.models import StaleState
from tasks_app.runtimes import RuntimeFileError
from tasks_app.spec_quality import checks_quality
from tasks_app.volumes import VolumeRefused

# One wave of full prompts and short answers: what is paid on first use (memory, graphs, threads) is
# paid by then. On a server so slow that the time is up first, nothing is cold either.
WARM_UP_OUTPUT_TOKENS = 16
WARM_UP_LIMIT_S = 60.0
# What says nothing about the configuration: worth another attempt, on another port.
PASSING = frozenset(
    {
        FailureKind.DOCKER_RESTARTED,
        FailureKind.DOCKER_UNREACHABLE,
        FailureKind.PORT_TAKEN,
        ErrorKind.KILLED,
    }
)


# What may go wrong around engine and benchmark, whose errors carry a kind of their own.
KINDS: dict[type[Exception], str] = {
    TimeUp: "time_out",
    NoFreePort: "port_taken",
    ModelNotFound: "model_not_found",
    TokenizerError: "tokenizer",
    RuntimeFileError: "runtime_broken",
    ExpressionError: "runtime_broken",
    VolumeRefused: "container_refused",
    NotAllowed: "not_allowed",
    NoResultFolder: "results_unwritable",
    SecretsUnreadable: "secrets_unreadable",
}


def run_experiment(pk: int) -> bool:
    """Run a pending experiment to its end, whatever that is.

    False when it was not ours to run: another worker was first, or the host is busy.
    """
    taken = claim(pk, gpus=gpus_needed(pk))
    if taken is None:
        return False
    experiment = Experiment.objects.select_related("task").get(pk=pk)
    ids = {"task": experiment.task_id, "experiment": pk, "attempt": taken.attempt}
    try:
        with log_fields(**ids), Heartbeat(taken) as heartbeat:
            context = AttemptContext(experiment, taken, heartbeat)
            with log_fields(context.secrets):
                Attempt(context).run()
    except (KeyboardInterrupt, SystemExit):
        with suppress(StaleState):  # handed back already, most of the time
            experiment.hand_back(taken.token, attempt_counts=False)
        raise
    finally:
        leases.release(taken)
    return True


class Attempt:
    """One attempt at an experiment, by the worker that holds its claim."""

    def __init__(self, context: AttemptContext) -> None:
        self.context = context
        self.experiment = context.experiment
        self.spec = context.spec
        self.measured = Measured()

    def run(self) -> None:
        """Measure and write down how it ended. Only a bug leaves this method as an exception."""
        try:
            self._measure()
            end = self._prune if self.measured.pruned else self._succeed
            disk.when_there_is_room(end, self.context.heartbeat.check)
        except Cancelled:
            self._write_end(self.experiment.cancel)
            self.context.log("cancelled")
        except (ClaimLost, StaleState) as error:
            self.context.log(f"given up: {error}")
        except (KeyboardInterrupt, SystemExit):
            self._write_end(
                lambda token, **_: self.experiment.hand_back(token, attempt_counts=False)
            )
            self.context.log("interrupted: to be run again")
            raise
        except disk.DiskFull as error:
            self._hand_back_for_room(str(error))
        except tuple(KINDS) as error:
            self._fail(next(KINDS[kind] for kind in KINDS if isinstance(error, kind)), str(error))
        except (BenchmarkError, EngineError, HubError) as error:
            if error.kind in PASSING and self.context.claim.attempt < leases.MAX_ATTEMPTS:
                self._write_end(lambda token, **_: self.experiment.hand_back(token))
                self.context.log(f"to be run again: {error}")
            else:
                self._fail(str(error.kind), str(error))
        except Exception as error:
            if disk.is_full(error):
                self._hand_back_for_room(str(error))
                return
            self._fail("internal", f"a fault of this program: {type(error).__name__}: {error}")
            raise

    def _measure(self) -> None:
        """Serve, wait until ready, warm up, compare answers, measure, take down."""
        context = self.context
        context.enter("preparing")
        serving = Serving(context)
        serving.prepare()
        plan = serving.plan
        # genai-bench loads itself while the server starts: that takes it seconds.
        with (
            serving.start() as server,
            UsageSampler(serving.folder, self._usage_sources(server)) as usage,
            EnergyMeter(counter_for(plan.gpu_ids)) as energy,
            GenaiBench(self._request(plan, serving.folder)) as benchmark,
        ):
            own = benchmark.request.dataset
            serving.wait_ready(server)

            context.enter("warming_up")
            self._warm_up(plan, server, own, max(benchmark.request.concurrencies))

            if self._checks_answers(plan):
                check_answers(context, plan, server)

            context.enter("measuring")
            usage.enter("measuring")
            Measuring(
                context,
                benchmark,
                server,
                devices=plan.rated_devices,
                energy=energy,
                into=self.measured,
                warm_up=partial(self._warm_up, plan, server, own),
            ).run()

            context.progress.enter("stopping")  # unchecked: what is measured is measured
            usage.enter("stopping")
            with context.timed("stop_s"):
                benchmark.close()
                serving.stop(server)

    def _checks_answers(self, plan: LaunchPlan) -> bool:
        """A repeat answers as its original does."""
        return checks_quality(self.spec, plan.runtime) and not self.experiment.is_repeat

    def _usage_sources(self, server: RunningServer) -> list[UsageSource]:
        sources: list[UsageSource] = [server.usage]
        if gpu_ids := self.context.claim.gpu_ids:
            sources.append(partial(gpu_usage, gpu_ids))
        return sources

    def _warm_up(
        self, plan: LaunchPlan, server: RunningServer, own: OwnPrompts | None, concurrency: int
    ) -> None:
        """Unmeasured load, so that no level up to `concurrency` pays for the first use."""
        with self.context.timed("warm_up_s"):
            done = warm_up(
                plan.base_url,
                plan.served_model_name,
                scenarios=tuple(self.spec.benchmark.traffic_scenarios),
                own=own,
                concurrency=concurrency,
                max_s=min(self.context.time_left_s(), WARM_UP_LIMIT_S),
                max_output_tokens=WARM_UP_OUTPUT_TOKENS,
                should_stop=lambda: self.context.check(server),
                additional_params=self.spec.benchmark.additional_params,
            )
        if done.errors:
            self.context.log(
                f"warm-up: {done.errors} of {done.requests} failed: {done.first_error}"
            )

    def _succeed(self) -> None:
        if self.experiment.is_repeat:
            self._succeed_again()
            return
        with transaction.atomic():
            self._store_levels()
            points = measurements.points_of(self.experiment.measurements.all())
            reference = measurements.reference_points(self.spec, self.experiment)
            result = measurements.score(
                self.spec, points, reference, quality=self.experiment.quality
            )
            scores = measurements.scores(self.spec, points, reference) if result.feasible else {}
            self.experiment.succeed(
                self.context.claim.token,
                score=result.score,
                slo_excess=result.slo_excess,
                scores=scores,
                load_search=self.measured.load_search,
                **self.context.durations,
            )
        unit = objective.unit(self.spec.optimization.objective)
        if result.score is not None:
            self.context.log(f"measured: {result.score:.4g} {unit}")
        elif result.miss is not None:
            self.context.log(f"measured, but infeasible: {objective.describe_miss(result.miss)}")
        if left_out := self.measured.left_out:
            self.context.log(f"left out, as it cannot change the score: {not_measured(left_out)}")
        for scenario, found in self.measured.load_search.items():
            self.context.log(f"{scenario}: {words.load_found(found)}")
        self._log_remarks()

    def _succeed_again(self) -> None:
        with transaction.atomic():
            levels = measurements.in_order(self.spec, self.measured.levels)
            repeats.keep(self.spec, self.experiment, levels)
            changes: dict[str, Any] = dict(self.context.durations)
            if self.experiment.is_verification:
                changes["verification"] = verification_outcome.found(self.spec, self.experiment)
            self.experiment.succeed_again(self.context.claim.token, **changes)
        if self.experiment.is_verification:
            self.context.log(f"verified: {verification_words.sentence(self.experiment, self.spec)}")
        else:
            self.context.log(drift.in_words(self.spec, self.experiment))
        self._log_remarks()

    def _prune(self) -> None:
        def end(token: str, **changes: Any) -> None:
            self._store_levels()
            self.experiment.prune(
                token,
                bound=self.measured.bound,
                why=self.measured.pruned,
                load_search=self.measured.load_search,
                **changes,
            )

        self._write_end(end)
        self.context.log(f"pruned: {self.measured.pruned}")
        self._log_remarks()

    def _store_levels(self) -> None:
        if self.experiment.is_repeat:  # half a repeat is none
            return
        measurements.store(self.experiment, measurements.in_order(self.spec, self.measured.levels))

    def _log_remarks(self) -> None:
        for remark in measurements.remarks(self.measured.levels, self.spec.slo):
            self.context.log(remark)

    def _hand_back_for_room(self, message: str) -> None:
        """A full disk says nothing about the configuration: it is run again when there is room."""
        self._write_end(lambda token, **_: self.experiment.hand_back(token, attempt_counts=False))
        self.context.log(f"to be run again: {message}")

    def _fail(self, kind: str, message: str) -> None:
        if (room := disk.room()).is_critical:
            self._hand_back_for_room(f"{room.words}; it failed then ({kind}): {message}")
            return

        def end(token: str, **changes: Any) -> None:
            self._store_levels()
            self.experiment.fail(token, kind=kind, error=self.context.masked(message), **changes)

        self._write_end(end)
        self.context.log(f"failed ({kind}): {message}")

    def _write_end(self, end: Callable[..., None]) -> None:
        """Write the outcome, unless somebody took the claim back: then the outcome is theirs."""

        def write() -> None:
            with transaction.atomic():
                end(self.context.claim.token, **self.context.durations)

        try:
            disk.when_there_is_room(write)
        except StaleState as error:
            self.context.log(f"given up: {error}")

    # What the phases need

    def _request(self, plan: LaunchPlan, folder: Path) -> BenchmarkRequest:
        benchmark = self.spec.benchmark
        return BenchmarkRequest(
            api_base=plan.base_url,
            backend=plan.runtime.genai_bench_backend,
            model_name=plan.served_model_name,
            tokenizer=plan.tokenizer,
            scenarios=tuple(benchmark.traffic_scenarios),
            concurrencies=load_levels.first_concurrencies(self.experiment, self.spec),
            folder=folder / "genai-bench",
            max_requests_per_level=benchmark.max_requests_per_level,
            max_minutes_per_level=benchmark.max_minutes_per_level,
            seed=self.spec.optimization.seed,
            request_set=request_set(self.experiment),
            fresh_prompts=benchmark.fresh_prompts,
            dataset=own_prompts(self.experiment, self.spec),
            additional_params=benchmark.additional_params,
            genai_bench_path=settings.GENAI_BENCH_PATH,
            environment={
                **self.context.network,
                MARKER_VARIABLE: self.context.claim.marker,
            },
        )
