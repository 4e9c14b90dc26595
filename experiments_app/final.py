"""The final of a run: after the search the leaders and the default are measured again, in turn.

`next_execution` is asked by the scheduler whenever nothing of the run is under way. All it knows is
in the database: the state in `Run.final`, each execution a row of its own, so that the final goes
on wherever it was interrupted.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db import Error, transaction

from experiments_app import drift, final_verdict, repeats, task_log, words
from experiments_app.differences import FEWEST_ROUNDS, Reading
from experiments_app.final_begin import NoFinal, begin
from experiments_app.final_plan import changed_flags, order_of_round
from experiments_app.final_result import Estimate, Final, FinalVerdict
from experiments_app.final_state import Seen, end, look, save
from experiments_app.final_undo import Missing, UndoTest, make
from experiments_app.models import Experiment
from tasks_app.models import Run
from tasks_app.runtimes import site_runtimes
from tasks_app.space import Scalar
from tasks_app.spec import TaskSpec

logger = logging.getLogger(__name__)

Status = Experiment.Status


def is_under_way(run: Run) -> bool:
    """Whether the search is over and the final has begun."""
    found = Final.from_data(run.final)
    return found is not None and found.has_begun


def next_execution(
    run: Run, spec: TaskSpec, experiments: Sequence[Experiment]
) -> Experiment | None:
    """What to measure again now; None when the final has ended, or there is none.

    A fault of this program ends it: the answer of a search must not get lost because it cannot be
    confirmed.
    """
    if not spec.optimization.confirm:
        return None
    try:
        return _Final(run, spec, experiments).next()
    except (Error, OSError):  # the database or the disk: asked again, as in the search
        raise
    except Exception as error:
        logger.exception("the final of %s", run)
        why = f"a fault of this program: {type(error).__name__}: {error}"
        kept = Final.from_data(run.final)
        broken = Final(is_done=True, verdict=FinalVerdict.UNCONFIRMED, why=why)
        end(run, kept.given_up() if kept and kept.earlier else broken)
        return None


def reopen(run: Run) -> None:
    """The search goes on: there will be another final."""
    kept = Final.from_data(run.final)
    if kept is not None:
        save(run, kept.reopened())


class _Final:
    def __init__(self, run: Run, spec: TaskSpec, experiments: Sequence[Experiment]) -> None:
        self._run = run
        self._spec = spec
        self._by_number = {one.number: one for one in experiments}
        self._state = Final.from_data(run.final) or Final()
        self._undone: Experiment | None = None

    def next(self) -> Experiment | None:
        if not self._state.contenders and not self._state.is_done:
            self._begin()
        if self._state.is_done:
            return None
        seen = look(self._run, self._state, self._by_number)
        active = [n for n in self._state.contenders if n not in seen.dropped]
        if 0 not in active or len(active) < 2:
            self._end_without(active, seen)
            return None
        at = self._state.first_round
        while all((number, at) in seen.done for number in active):
            at += 1
        if self._is_over(active, seen, at - self._state.first_round):
            return self._undone
        number = next(n for n in order_of_round(active, at) if (n, at) not in seen.done)
        return self._measure(number, at)

    def _begin(self) -> None:
        state = self._state
        begun = begin(self._spec, self._by_number, state.engine_s)
        if isinstance(begun, NoFinal):
            self._conclude(begun.verdict, begun.winner, (), [begun.why])
            return
        contenders, rounds = begun.plan.contenders, begun.plan.rounds
        self._update(
            contenders=contenders,
            first_round=max((at for _, _, at in state.executions), default=0) + 1,
            max_rounds=rounds,
            budget_s=round(begun.budget_s + state.engine_s, 1),
        )
        names = ", ".join(map(words.short_experiment, contenders))
        self._log(f"final: {names}, in turn, at most {rounds} rounds")

    # How it goes on

    def _is_over(self, active: Sequence[int], seen: Seen, rounds: int) -> bool:
        """After so many rounds; what is known by now is kept on the way."""
        state = self._state
        engine_s = seen.engine_s
        per_round_s = sum(
            repeats.expected_s(self._spec, self._by_number[n], self._by_number[0]) for n in active
        )
        is_last = rounds >= FEWEST_ROUNDS and (
            rounds >= state.max_rounds or engine_s + per_round_s > state.budget_s
        )
        readings = self._readings(active, seen)
        comparison = final_verdict.compare(
            readings,
            rounds=rounds,
            planned=state.max_rounds,
            is_last=is_last,
            earlier=drift.noise_before_final(self._spec, self._by_number[0]),
        )
        if comparison is None:
            if rounds != state.rounds:
                self._update(rounds=rounds, engine_s=round(engine_s, 1))
            return False
        leaders = [number for number in active if number != 0]
        judged = final_verdict.judge(comparison, 0, leaders, self._changed())
        over = is_last or judged.is_settled
        notes = [judged.why, *seen.dropped.values()]
        if over or rounds != state.rounds:
            self._update(
                rounds=rounds,
                engine_s=round(engine_s, 1),
                noise=comparison.noise.sd or None,
                estimates=tuple(self._estimate(judged, number) for number in active),
                drift=drift.found(self._spec, self._by_number[0], readings, comparison.noise),
            )
        if over and not self._undo(judged, seen):
            winner = judged.winner if self._state.winner is None else self._state.winner
            self._conclude(judged.verdict, winner, judged.tied, notes)
        return over

    def _undo(self, judged: final_verdict.Judgement, seen: Seen) -> bool:
        """Whether something is to be measured for the undo test yet: that is `_undone`. Where it
        is through, the simplest that is as good is the winner."""
        if not self._spec.optimization.undo_test or not judged.winner:
            return False
        outcome = UndoTest(
            self._spec,
            self._by_number,
            defaults=self._defaults(),
            winner=judged.winner,
            comparison=judged.comparison,
            seen=seen,
            state=self._state,
        ).outcome()
        if outcome.missing is not None:
            self._undone = self._measure_undone(outcome.missing, judged.winner, seen)
            return True
        self._update(undo=outcome.undo)
        if (simplest := outcome.simplest) is not None:
            others = (one for one in self._state.estimates if one.number != simplest.number)
            self._update(
                winner=simplest.number,
                simplified_from=judged.winner,
                estimates=(*others, simplest),
            )
        return False

    def _measure_undone(self, missing: Missing, winner: int, seen: Seen) -> Experiment | None:
        """In turn with the winner, in rounds of their own: whatever makes the machine slower
        meanwhile reaches both."""
        if missing.number is None:
            return make(self._run, missing, winner, max(self._by_number) + 1)
        state, tried = self._state, missing.number
        begun, both = state.undo_rounds_of(tried), (winner, tried)
        is_open = begun and any((number, begun[-1]) not in seen.done for number in both)
        count = len(begun) if is_open else len(begun) + 1
        at = begun[-1] if is_open else max(at for _, _, at in self._marks) + 1
        number = next(n for n in order_of_round(both, count) if (n, at) not in seen.done)
        return self._measure(number, at, undone=tried)

    def _readings(self, active: Sequence[int], seen: Seen) -> list[Reading]:
        found = []
        for (number, at), again in sorted(seen.done.items()):
            if number not in active or self._state.undo_of(at) is not None:
                continue
            original = self._by_number[number]
            reference = repeats.reference_of(self._spec, original)
            value = repeats.reading_of(self._spec, original, again, reference)
            if value is not None:
                found.append(Reading(number, at, value))
        return found

    def _estimate(self, judged: final_verdict.Judgement, number: int) -> Estimate:
        comparison = judged.comparison
        half = comparison.half_width_of_mean(number)
        score = self._by_number[number].objective_score
        over = None if number == 0 else comparison.difference(number, 0)
        known = score is not None and math.isfinite(half)
        return Estimate(
            number=number,
            repeats=comparison.times(number),
            score=score,
            score_ci95=(score * math.exp(-half), score * math.exp(half))
            if known and score
            else None,
            gain=over.gain if over else None,
            gain_ci95=over.gain_ci95 if over else None,
            changed_flags=self._changed()[number],
        )

    def _changed(self) -> dict[int, int]:
        defaults = self._defaults()
        baseline = self._by_number[0].parameters
        return {
            number: len(changed_flags(one.parameters, baseline, defaults))
            for number, one in self._by_number.items()
        }

    def _defaults(self) -> Mapping[str, Scalar]:
        """Of the engine's flags."""
        runtime = site_runtimes().find(self._spec.base_runtime)
        return runtime.defaults if runtime else {}

    def _measure(self, number: int, at: int, *, undone: int | None = None) -> Experiment | None:
        """`undone`: the configuration that the undo test tries in this round."""
        reason = f"measured again in round {at} of the final"
        if undone not in {None, number}:
            reason += f", beside {words.short_experiment(undone or 0)}"
        original = self._by_number[number]
        with transaction.atomic():
            made = repeats.measure_again(original, Experiment.Purpose.FINAL, reason)
            if made is not None and (mark := (number, made.repeat, at)) not in self._marks:
                self._update(executions=(*self._marks, mark))
            if made is not None and undone is not None and self._state.undo_of(at) is None:
                self._update(undo_rounds=(*self._state.undo_rounds, (at, undone)))
        return made

    @property
    def _marks(self) -> tuple[tuple[int, int, int], ...]:
        return self._state.executions

    # How it ends

    def _end_without(self, active: Sequence[int], seen: Seen) -> None:
        """The default, or all others, cannot be compared any more."""
        why = list(seen.dropped.values())
        self._update(engine_s=round(seen.engine_s, 1))
        if 0 in active:
            self._conclude(FinalVerdict.DEFAULT, 0, (), why)
        else:
            self._conclude(FinalVerdict.UNCONFIRMED, None, (), why)

    def _conclude(
        self,
        verdict: FinalVerdict,
        winner: int | None,
        tied: tuple[int, ...],
        why: Sequence[str],
    ) -> None:
        self._state = replace(
            self._state,
            is_done=True,
            verdict=verdict,
            winner=winner,
            tied=tied,
            why="; ".join(one for one in why if one),
        )
        end(self._run, self._state)

    def _update(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        save(self._run, self._state)

    def _log(self, message: str) -> None:
        task_log.write(self._run.task_id, message, run=self._run.number)
