"""Decides what a running task does next: another experiment, or its end."""

from collections import Counter
from contextlib import suppress

from django.db import IntegrityError, transaction

from experiments_app import circuit_breaker, drift, final, objective, reuse, stop_rule, task_log
from experiments_app.gpus import gpu_count
from experiments_app.models import Experiment
from experiments_app.recollection import memory_of
from experiments_app.repair import RepairTry, find_repair, is_outside
from tasks_app.expressions import ExpressionError
from tasks_app.models import Run, StaleState, Task
from tasks_app.problems import SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.space import SearchSpace
from tasks_app.spec import TaskSpec
from tasks_app.strategies import (
    NO_MEMORY,
    Memory,
    Proposal,
    Search,
    Trial,
    TrialStatus,
    reasons,
    strategy_for,
)

TRIAL_STATUS: dict[Experiment.Status, TrialStatus] = {
    Experiment.Status.PENDING: "running",
    Experiment.Status.DEPLOYING: "running",
    Experiment.Status.BENCHMARKING: "running",
    Experiment.Status.SUCCESS: "success",
    Experiment.Status.FAILED: "failed",
    Experiment.Status.PRUNED: "pruned",
    Experiment.Status.CANCELLED: "cancelled",
}


def advance(task_pk: int) -> Experiment | None:
    """The experiment that the task should run now, made if need be; None when there is none.

    What an earlier run has measured already is taken over on the way there.
    """
    shelf = reuse.Shelf()
    while (made := _next(task_pk, shelf)) is not None and made.current_status.is_finished:
        pass
    return made


def _next(task_pk: int, shelf: reuse.Shelf) -> Experiment | None:
    """The experiment under way, or else another one.

    The first is the baseline, the rest what the strategy proposes; when the budget or the space
    is spent the task ends. Any number of workers may call this at once: the unique number lets
    one of them make the experiment, and the others get the same one. A run in which everything
    fails for one cause ends before its budget (`circuit_breaker`); a failure whose cause tells how
    to mend it is tried once more (`repair`).
    """
    task = Task.objects.filter(pk=task_pk, status=Task.Status.RUNNING).first()
    if task is None:
        return None
    experiments = list(Experiment.objects.of_run(task).order_by("number"))
    started = Experiment.objects.executions_of_run(task).order_by("number", "repeat")
    open_one = next((e for e in started if not e.current_status.is_finished), None)
    if open_one is not None:
        return open_one
    run = Run.objects.select_related("task").get(task=task, number=task.run)
    if final.is_under_way(run):
        return _confirm_and_finish(run, run.task_spec, experiments)
    try:
        spec = TaskSpec.from_data(run.spec_data)
        mended = next_repair(spec, experiments, run.gpus)
        proposal = (
            mended.proposal
            if mended
            else next_proposal(spec, experiments, run.gpus, memory_of(run))
        )
        outlook = _look_ahead(run, spec, experiments) if experiments else None
    except (SpecError, ExpressionError) as error:  # an older version's task, say
        _fail(task, f"what to try next cannot be told: {error}")
        return None
    if proposal is None or stop_rule.ends_run(run, spec, outlook):
        return _confirm_and_finish(run, spec, experiments)
    stopped = circuit_breaker.trip(experiments)
    if stopped and run.max_iterations is None:  # somebody who extends a run has mended the cause
        _fail(task, stopped.message(planned_experiments(spec, run.gpus)))
        return None
    if (check := drift.next_check(spec, experiments)) is not None:
        return check
    return _make(run, experiments, proposal, mended.of if mended else None, shelf)


def _confirm_and_finish(
    run: Run, spec: TaskSpec, experiments: list[Experiment]
) -> Experiment | None:
    """What the final measures next after the search; the end of the run where that is nothing."""
    if any(e.status == Experiment.Status.SUCCESS for e in experiments):
        again = final.next_execution(run, spec, experiments)
        if again is not None:
            return again
    outlook = stop_rule.Outlook.of_run(run)
    is_stopped = outlook is not None and stop_rule.ends_run(run, spec, outlook)
    _finish(run.task, experiments, outlook.stop_message if outlook and is_stopped else "")
    return None


def _make(
    run: Run,
    experiments: list[Experiment],
    proposal: Proposal,
    repair_of: Experiment | None,
    shelf: reuse.Shelf,
) -> Experiment | None:
    """The next experiment of the run: pending, or ended with what an earlier run measured."""
    task, number = run.task, len(experiments)
    source = shelf.find(run, experiments[0], proposal.configuration) if number else None
    if number == 1:
        _tell_of_obstacles(run, experiments[0])
    try:
        # Only a task that still runs gets another one: cancelling takes the same lock.
        with transaction.atomic():
            if not Task.objects.filter(pk=task.pk, run=run.number).running().exists():
                return None
            made = Experiment.objects.create(
                task=task,
                run=run.number,
                number=number,
                parameters=proposal.configuration,
                reason=proposal.reason,
                repair_of=repair_of,
            )
            if source is not None:
                reuse.take_over(made, source, run.task_spec)
    except IntegrityError:
        return Experiment.objects.of_run(task, run.number).get(number=number)
    task_log.write(task.pk, f"chosen: {made.reason}", run=run.number, number=number)
    if source is not None:
        told = f"reused from run {source.run} #{source.number}"
        task_log.write(task.pk, told, run=run.number, number=number)
    return made


def _tell_of_obstacles(run: Run, baseline: Experiment) -> None:
    for earlier in reuse.earlier_runs(run, baseline):
        if earlier.obstacle:
            told = f"nothing of run {earlier.run.number} is reused: {earlier.obstacle}"
            task_log.write(run.task_id, told, run=run.number)


def next_repair(
    spec: TaskSpec, experiments: list[Experiment], gpus: int | None = None
) -> RepairTry | None:
    """What of the failed experiments to try once more, within the budget."""
    runtime = site_runtimes().find(spec.base_runtime)
    if runtime is None or len(experiments) > spec.optimization.max_iterations:
        return None
    return find_repair(spec, runtime, search_space(spec, gpus), experiments)


def next_proposal(
    spec: TaskSpec,
    experiments: list[Experiment],
    gpus: int | None = None,
    memory: Memory = NO_MEMORY,
) -> Proposal | None:
    """The next configuration, fixed parameters included, and why; None when nothing is left to
    try.

    `gpus`: as in `search_space`.
    """
    if not experiments:
        return Proposal(spec.baseline_parameters(), reasons.BASELINE)
    if len(experiments) > spec.optimization.max_iterations:
        return None
    space = search_space(spec, gpus)
    trials = (
        _trial(space, experiment)
        for experiment in experiments
        if not is_outside(spec, experiment.parameters)
    )
    strategy = strategy_for(spec.optimization.strategy, spec.optimization.objectives)
    proposed = strategy.propose(
        space,
        [trial for trial in trials if trial is not None],
        Search(
            seed=spec.optimization.seed,
            maximise=objective.is_maximised(spec.optimization.objective),
            budget=spec.optimization.max_iterations,
            memory=memory,
        ),
    )
    if proposed is None:
        return None
    return Proposal(spec.experiment_parameters(proposed.configuration), proposed.reason)


def is_left_to_try(run: Run, experiments: list[Experiment]) -> bool:
    """Whether the budget and the space of the run hold anything else."""
    if any(e.status == Experiment.Status.CANCELLED for e in experiments):
        return True
    memory = memory_of(run)
    return next_proposal(run.task_spec, experiments, run.gpus, memory) is not None


def search_space(spec: TaskSpec, gpus: int | None = None) -> SearchSpace:
    """For a runtime that this site lacks, without its defaults: the task can still be seen.

    `gpus` is what a run had at its start; without it, what is seen now. A run keeps its space when
    GPUs go away meanwhile: what takes them waits until they are back. Where no GPU is seen nothing
    is left out for it: such a task does not start here.
    """
    seen = gpu_count() if gpus is None else gpus
    return spec.search_space(seen or None, site_runtimes().find(spec.base_runtime))


def planned_experiments(spec: TaskSpec, gpus: int | None = None) -> int:
    """How many experiments a run makes if none is cut short, the baseline included."""
    size = search_space(spec, gpus).size()
    budget = spec.optimization.max_iterations
    return 1 + (budget if size is None else min(budget, size))


def _trial(space: SearchSpace, experiment: Experiment) -> Trial | None:
    """What a strategy knows of an experiment; one outside the space tells nothing (the baseline
    leaves the searched flags out)."""
    parameters = space.restrict(experiment.parameters)
    if parameters is None:
        return None
    return Trial(
        parameters=parameters,
        status=TRIAL_STATUS[experiment.current_status],
        feasible=experiment.feasible,
        score=experiment.objective_score,
        bound=experiment.bound,
        number=experiment.number,
        scores=experiment.scores,
    )


def _look_ahead(
    run: Run, spec: TaskSpec, experiments: list[Experiment]
) -> stop_rule.Outlook | None:
    space = search_space(spec, run.gpus)
    trials = [trial for e in experiments if (trial := _trial(space, e)) is not None]
    return stop_rule.look_ahead(run, spec, space, experiments, trials)


def _finish(task: Task, experiments: list[Experiment], message: str = "") -> None:
    """End the run: completed when something was measured, else failed for the commonest cause."""
    succeeded = [e for e in experiments if e.status == Experiment.Status.SUCCESS]
    if not succeeded:
        _fail(task, commonest_cause(experiments))
        return
    with suppress(StaleState):  # cancelled, or ended by another worker
        pruned = sum(e.status == Experiment.Status.PRUNED for e in experiments)
        reused = sum(e.reused_from_id is not None for e in experiments)
        also = f", {pruned} pruned" if pruned else ""
        also += f", {reused} of them reused from earlier runs" if reused else ""
        task.complete(
            message or f"{len(succeeded)} of {len(experiments)} experiments succeeded{also}"
        )
        task_log.write(task.pk, f"{task.status}: {task.message}", run=task.run)


def _fail(task: Task, message: str) -> None:
    with suppress(StaleState):
        task.fail(message)
        task_log.write(task.pk, f"{task.status}: {task.message}", run=task.run)


def commonest_cause(experiments: list[Experiment]) -> str:
    """The most frequent failure, in the words of its first experiment."""
    failed = [e for e in experiments if e.error_kind]
    if not failed:
        return "no experiment succeeded"
    kind, count = Counter(e.error_kind for e in failed).most_common(1)[0]
    first = next(e for e in failed if e.error_kind == kind)
    return f"{count} of {len(experiments)} experiments failed ({kind}): {first.error}"
