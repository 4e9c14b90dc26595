"""How far a final is: kept in `Run.final`, and read from the rows of its executions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from experiments_app import repeats, task_log, words
from experiments_app.differences import FEWEST_ROUNDS
from experiments_app.final_result import Final
from experiments_app.models import Experiment
from tasks_app.models import Run, Task

Status = Experiment.Status
MOST_FAILURES = 2
"""A contender that fails is tried once more."""


@dataclass(frozen=True)
class Seen:
    """What the executions of the final say by now. `done`: of an experiment and a round the repeat
    that was measured; `dropped`: why a contender is out, by number; `undo_failures`: how often the
    undo test could not measure, by the configuration that it tries. `engine_s`: without what that
    takes."""

    done: Mapping[tuple[int, int], int]
    dropped: Mapping[int, str]
    undo_failures: Mapping[int, int]
    engine_s: float


def look(run: Run, state: Final, by_number: Mapping[int, Experiment]) -> Seen:
    """`by_number`: the experiments of the run."""
    rounds = {(number, again): at for number, again, at in state.executions}
    done: dict[tuple[int, int], int] = {}
    failures: dict[int, list[Experiment]] = {}
    undo_failures: Counter[int] = Counter()
    engine_s = 0.0
    for row in _executions(run):
        at = rounds.get((row.number, row.repeat))
        undone = state.undo_of(at)
        is_ours = row.number in state.contenders or at is None or at < state.first_round
        if is_ours and undone is None:
            engine_s += repeats.engine_s(row)
        if at is None:
            continue
        if row.status == Status.SUCCESS:
            done[row.number, at] = row.repeat
        elif row.status == Status.FAILED and at >= state.first_round:
            if undone is not None:
                undo_failures[undone] += 1
                continue
            failures.setdefault(row.number, []).append(row)
    dropped = {
        number: (
            f"{words.short_experiment(number)} failed when it was measured again: {rows[-1].error}"
        )
        for number, rows in failures.items()
        if len(rows) >= MOST_FAILURES and number in state.contenders
    }
    for number in state.contenders:
        times = sum(one == number and state.undo_of(at) is None for one, at in done)
        if times >= FEWEST_ROUNDS and not by_number[number].feasible:
            why = f"{words.short_experiment(number)} broke the SLO when it was measured again"
            dropped.setdefault(number, why)
    return Seen(done, dropped, undo_failures, engine_s)


def _executions(run: Run) -> list[Experiment]:
    of_run = Experiment.objects.executions_of_run(run.task, run.number)
    return list(of_run.filter(purpose=Experiment.Purpose.FINAL, repeat__gt=1).order_by("pk"))


def end(run: Run, state: Final) -> None:
    save(run, replace(state, earlier=None))
    winner = "" if state.winner is None else f", {words.short_experiment(state.winner)}"
    if state.simplified_from is not None:
        simplified = words.short_experiment(state.simplified_from)
        winner += f" ({simplified} without {', '.join(state.left_out)})"
    took = f" after {state.rounds} rounds, {words.duration(state.engine_s)}" if state.rounds else ""
    why = f": {state.why}" if state.why else ""
    task_log.write(run.task_id, f"final: {state.verdict}{winner}{took}{why}", run=run.number)


def save(run: Run, state: Final) -> None:
    """Where the run has ended meanwhile, it keeps what it has."""
    run.final = state.to_data()
    under_way = [status for status in Task.Status if status.is_under_way]
    Run.objects.filter(pk=run.pk, status__in=under_way).update(final=run.final)
