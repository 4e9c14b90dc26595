"""Measures one experiment, level by level, until it is known what it is worth.

The server is started once. Which level comes next is `level_choice`'s to say, from what those
before it gave.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from experiments_app import load_levels, measurements, objective, words
from experiments_app.attempt_context import AttemptContext, TimeUp
from experiments_app.benchmark import BenchmarkError, ErrorKind, GenaiBench, LevelResult, Progress
from experiments_app.benchmark.level_files import all_failed
from experiments_app.confidence.level import conditions_of
from experiments_app.energy import EnergyMeter
from experiments_app.engines import RunningServer
from experiments_app.host_load import HostReader
from experiments_app.level_choice import GivenLevels, SearchedLevels
from experiments_app.load_order import Decision, Level, Reading
from experiments_app.metrics import Level as MeasuredLevel
from experiments_app.metrics import level_of, pool
from experiments_app.models import Experiment
from experiments_app.pricing import cost_of, price_of
from experiments_app.request_sets import measured_otherwise
from experiments_app.retaking import Retaking

# What only says that this load is too much, as long as the server lives.
TOO_MUCH = frozenset({ErrorKind.SERVER, ErrorKind.INCOMPLETE})


@dataclass
class Measured:
    """What came of it so far. `pruned`: why it was not measured any further, with `bound`, the
    best score that it could have had, None where it cannot be feasible. `left_out`: levels of the
    task that cannot change its score."""

    levels: list[MeasuredLevel] = field(default_factory=list)
    pruned: str = ""
    bound: float | None = None
    left_out: list[Level] = field(default_factory=list)
    load_search: dict[str, dict[str, object]] = field(default_factory=dict)


class LastAnswer:
    """Passes progress on, and notes when the last request was answered, by the monotonic clock."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self._report = report
        self._done = 0
        self.at: float | None = None

    def __call__(self, progress: Progress) -> None:
        if progress.done > self._done:
            self._done, self.at = progress.done, time.monotonic()
        self._report(progress)


class Measuring:
    """`warm_up` sends unmeasured load of a concurrency."""

    def __init__(
        self,
        context: AttemptContext,
        benchmark: GenaiBench,
        server: RunningServer,
        *,
        devices: int,
        energy: EnergyMeter,
        into: Measured,
        warm_up: Callable[[int], None],
    ) -> None:
        self._context = context
        self._benchmark = benchmark
        self._server = server
        self._devices = devices
        self._energy = energy
        self._price = price_of(context.spec)
        self._measured = into
        self._warm_up = warm_up
        self._choice = load_levels.choice_for(context.experiment, context.spec)
        self._readings: dict[Level, Reading] = {}
        self._clock = load_levels.LevelClock(context.spec, context.time_left_s)
        claim = context.claim
        self._retaking = Retaking(
            context, HostReader(claim.marker, claim.gpu_ids, server.container_cpu_s)
        )
        self._ended_at: dict[int, float] = {}
        self._first_failure: BenchmarkError | None = None
        self._warmed = max(benchmark.request.concurrencies)

    def run(self) -> None:
        """Raises BenchmarkError, and whatever says that there is no reason to go on."""
        decision = self._measure_while_it_matters()
        if not self._measured.levels and self._first_failure is not None:
            raise self._first_failure
        if isinstance(self._choice, SearchedLevels):
            self._measured.load_search = {
                scenario: {"verdict": str(found.verdict), "concurrency": found.concurrency,
                           "rate": found.rate, "broken_at": found.broken_at}
                for scenario, found in self._choice.found(self._readings).items()
            }  # fmt: skip
        elif isinstance(self._choice, GivenLevels) and not decision.pruned:
            self._measured.left_out = [
                level for level in self._choice.levels if level not in self._readings
            ]

    def _measure_while_it_matters(self) -> Decision:
        while True:
            rival = load_levels.rival_of(self._context.experiment, self._context.spec)
            to_beat = rival.objective_score if rival else None
            decision = self._choice.decide(self._readings, to_beat, self._clock.has_time_for)
            if decision.pruned and rival is not None:
                self._measured.pruned = self._why_pruned(decision, rival)
                self._measured.bound = decision.bound
            if decision.level is None:
                return decision
            try:
                self._measure(decision.level)
            except (BenchmarkError, TimeUp) as error:
                if not self._may_end_here(error):
                    raise
                return Decision(None, decision.bound)

    def _measure(self, level: Level) -> None:
        if level.concurrency > self._warmed:
            self._warm_up(level.concurrency)
            self._warmed = level.concurrency
        try:
            result, conditions = self._retaking.measure(
                f"{level.scenario} at concurrency {level.concurrency}",
                partial(self._take, level),
                self._has_time_for_another,
            )
        except BenchmarkError as error:
            self._server.confirm_alive(self._context.check)
            if error.kind not in TOO_MUCH or not isinstance(self._choice, SearchedLevels):
                raise
            self._note_failure(level, error)
            return
        if result.successes:
            self._keep(level, result, conditions)
        else:
            # A dead server is the cause, its client only felt it.
            self._server.confirm_alive(self._context.check)
            self._note_failure(level, all_failed(result))

    def _take(self, level: Level, take: int) -> LevelResult:
        began = time.monotonic()
        watched = LastAnswer(self._context.progress.report)
        with self._context.timed("measure_s"):
            result = self._benchmark.measure(
                level,
                of=load_levels.number_of_levels(self._choice),
                on_progress=watched,
                should_stop=lambda: self._context.check(self._server),
                deadline_s=self._context.time_left_s(),
                take=take,
            )
        self._clock.note(level, time.monotonic() - began, result.num_requests)
        self._ended_at[take] = watched.at or time.monotonic()
        return result

    def _has_time_for_another(self, took_s: float) -> bool:
        """With room to spare: the levels that are still to come need theirs first."""
        known = load_levels.number_of_levels(self._choice) or len(self._readings) + 1
        to_come = max(known - len(self._readings) - 1, 0)
        return self._context.time_left_s() > 2 * took_s * (1 + to_come)

    def _keep(self, level: Level, result: LevelResult, disturbance: Mapping[str, Any]) -> None:
        slo = self._context.spec.slo
        kept = level_of(result, slo, self._devices)
        conditions = {
            **kept.conditions,
            **conditions_of(result, slo),
            "request_set": self._benchmark.request.request_set,
            **disturbance,
        }
        other = measured_otherwise(self._context.experiment, *level, conditions)
        if other is not None:
            conditions["other_requests_than"] = other
        ended_at = self._ended_at[disturbance.get("counted_try", 1)]
        kept = replace(
            kept,
            conditions=conditions,
            cost_per_million_tokens=cost_of(self._price, kept.output_tokens_per_s, self._devices),
            joules_per_token=self._joules_per_token(result, ended_at),
        )
        self._measured.levels.append(kept)
        (point,) = pool([kept])
        aim = objective.load_objective(self._context.spec.optimization.objective)
        value = objective.value_of(aim, point)
        self._readings[level] = Reading(value, feasible=not objective.misses(point, slo))

    def _joules_per_token(self, result: LevelResult, ended_at: float) -> float | None:
        """What the devices took from the first request's start to the last one's end, for each
        output token that came."""
        joules = self._energy.joules(ended_at - result.duration_s, ended_at)
        tokens = sum(sample.output_tokens for sample in result.successes)
        return joules / tokens if joules is not None and tokens else None

    def _note_failure(self, level: Level, error: BenchmarkError) -> None:
        self._readings[level] = Reading(None, feasible=False)
        self._first_failure = self._first_failure or error
        self._context.log(f"not measured at more load: {error.message}")

    def _may_end_here(self, error: BenchmarkError | TimeUp) -> bool:
        """A search for the load has an answer as soon as every scenario was measured once."""
        is_time_up = isinstance(error, TimeUp) or error.kind == ErrorKind.TIME_OUT
        scenarios = {level.scenario for level in self._readings}
        return (
            is_time_up
            and isinstance(self._choice, SearchedLevels)
            and scenarios == set(self._choice.scenarios)
        )

    def _why_pruned(self, decision: Decision, rival: Experiment) -> str:
        spec = self._context.spec
        name = words.short_experiment(rival.number)
        if decision.bound is None:
            miss = measurements.first_miss(self._measured.levels, spec.slo)
            why = f": {objective.describe_miss(miss)}" if miss else ""
            return f"cannot hold the SLO, as {name} does{why}"
        return objective.describe_bound(
            spec.optimization.objective, decision.bound, name, rival.objective_score or 0.0
        )


def not_measured(levels: list[Level]) -> str:
    """`D(100,100) at concurrency 1, 4; …`"""
    by_scenario: Mapping[str, list[str]] = {level.scenario: [] for level in levels}
    for level in levels:
        by_scenario[level.scenario].append(str(level.concurrency))
    return "; ".join(
        f"{scenario} at concurrency {', '.join(found)}" for scenario, found in by_scenario.items()
    )
