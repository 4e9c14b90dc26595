"""What a run may learn from: results of comparable tasks of this site, and imported ones.

Comparable is what has the same runtime, the same single objective and a searched flag in common.
Of these, the most alike and then the latest are taken, so many that a proposal stays quick. They
are written down as the run starts (`Run.memory`): a search that was interrupted goes on as if it
had not been, whatever ends or is deleted meanwhile.

Earlier runs of the task itself are among them, also those whose measurements are taken over: they
are what is most alike, and tell where to look first. What failed for a cause in its flags is told
as failed; what broke an SLO only where that was the same SLO.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from experiments_app import circuit_breaker
from experiments_app.facts import facts_of
from experiments_app.models import Experiment
from tasks_app.models import PastResults, Run, Task
from tasks_app.space import Scalar
from tasks_app.spec import TaskSpec
from tasks_app.strategies import Memory, PastTask, Trial
from tasks_app.strategies.evidence import alike

MOST_TASKS = 12
MOST_TRIALS = 40
"""Of each task: the best third, the others evenly."""
LOOKED_THROUGH = 300
"""The latest runs that are looked through for the most alike."""
ENDED = [status for status in Task.Status if status.is_finished]
TOLD = (Experiment.Status.SUCCESS, Experiment.Status.FAILED)
NOT_BY_ITS_FLAGS = (
    circuit_breaker.WHATEVER_THE_FLAGS
    | circuit_breaker.WHATEVER_THE_CONFIGURATION
    | {"port_taken", "docker_restarted", "internal", "time_out"}
)


@dataclass(frozen=True)
class _Past:
    """A candidate. `source` is for people: task and run, or what was imported."""

    source: Mapping[str, Any]
    facts: Mapping[str, Scalar]
    searched: frozenset[str]
    slo: Mapping[str, Any]
    run: Run | None = None
    trials: Sequence[Mapping[str, Any]] = ()


def recollect(spec: TaskSpec) -> dict[str, Any]:
    """What a run of `spec` that starts now keeps in `Run.memory`."""
    facts = facts_of(spec)
    optimization = spec.optimization
    tasks: list[dict[str, Any]] = []
    if optimization.learn and not optimization.objectives:
        tasks = _most_alike(spec, facts)
    return {"facts": facts, "tasks": tasks}


def memory_of(run: Run) -> Memory:
    """What was kept, as a strategy takes it."""
    kept: Mapping[str, Any] = run.memory or {}
    return Memory(
        kept.get("facts", {}),
        tuple(
            PastTask(task["facts"], tuple(Trial(**trial) for trial in task["trials"]))
            for task in kept.get("tasks", ())
        ),
    )


@dataclass(frozen=True)
class Source:
    """A past task that a run learns from; `task` is its id while it exists."""

    name: str
    run: int
    task: int | None
    imported: bool
    trials: int


def sources_of(run: Run | None) -> list[Source]:
    """What the run learns from, in one query."""
    kept: Mapping[str, Any] = (run.memory if run else None) or {}
    tasks = kept.get("tasks")
    if not tasks:
        return []
    ids = {task["source"].get("task") for task in tasks}
    existing = set(Task.objects.filter(pk__in=ids - {None}).values_list("pk", flat=True))
    return [
        Source(
            name=source["name"],
            run=source["run"],
            task=source.get("task") if source.get("task") in existing else None,
            imported=source.get("task") is None,
            trials=len(task["trials"]),
        )
        for task in tasks
        for source in [task["source"]]
    ]


def _most_alike(spec: TaskSpec, facts: Mapping[str, Scalar]) -> list[dict[str, Any]]:
    searched = set(spec.parameters)
    found = [past for past in (*_runs(spec), *_imported(spec)) if past.searched & searched]
    found.sort(key=lambda past: -alike(facts, past.facts))  # the latest first among equals
    found = found[: 2 * MOST_TASKS]
    experiments = _experiments(past.run for past in found if past.run)
    chosen = []
    for past in found:
        told = past.trials
        if past.run is not None:
            told = experiments[past.run.task_id, past.run.number]
        trials = _trials(told, searched | past.searched, same_slo=past.slo == spec.slo)
        if trials:
            trials = _thinned(trials, maximise=spec.optimization.maximises)
            chosen.append({"source": past.source, "facts": past.facts, "trials": trials})
    return chosen[:MOST_TASKS]


def _runs(spec: TaskSpec) -> Iterable[_Past]:
    comparable = Run.objects.filter(
        status__in=ENDED,
        spec__base_runtime=spec.base_runtime,
        spec__optimization__objective=spec.optimization.objective,
    )
    for run in comparable.select_related("task").order_by("-completed_at")[:LOOKED_THROUGH]:
        if run.spec["optimization"].get("objectives"):
            continue
        then = (run.memory or {}).get("facts") or facts_of(TaskSpec.model_validate(run.spec))
        source = {"name": run.task.name, "run": run.number, "task": run.task_id}
        yield _Past(source, then, frozenset(run.spec["parameters"]), run.spec["slo"], run)


def _imported(spec: TaskSpec) -> Iterable[_Past]:
    comparable = PastResults.objects.filter(
        base_runtime=spec.base_runtime, objective=spec.optimization.objective
    )
    for results in comparable[:LOOKED_THROUGH]:
        source = {"name": results.name, "run": results.run, "imported": results.pk}
        yield _Past(
            source,
            results.facts,
            frozenset(results.searched),
            results.slo,
            trials=results.trials,
        )


def _experiments(runs: Iterable[Run]) -> dict[tuple[int, int], list[Mapping[str, Any]]]:
    """What ended of each run but its baseline, which leaves the searched flags out."""
    wanted = Q(pk__in=())
    for run in runs:
        wanted |= Q(task=run.task_id, run=run.number)
    rows = (
        Experiment.objects.first_times()
        .filter(wanted, status__in=TOLD, number__gt=0)
        .order_by("number")
        .values("task", "run", "parameters", "status", "feasible", "error_kind", "objective_score")
    )
    found: dict[tuple[int, int], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["task"], row["run"]].append(row | {"score": row["objective_score"]})
    return found


def _trials(
    told: Iterable[Mapping[str, Any]], flags: set[str] | frozenset[str], *, same_slo: bool
) -> list[dict[str, Any]]:
    """Fixed parameters that nobody searches are left out: they tell no two trials apart."""
    trials = []
    for one in told:
        if one.get("error_kind") in NOT_BY_ITS_FLAGS:
            continue
        infeasible = one["status"] == "success" and not one["feasible"]
        if infeasible and not same_slo:
            continue
        parameters = {name: v for name, v in one["parameters"].items() if name in flags}
        trial = {"parameters": parameters, "status": str(one["status"])}
        trials.append(trial | {"feasible": one["feasible"], "score": one["score"]})
    return trials


def _thinned(trials: list[dict[str, Any]], *, maximise: bool) -> list[dict[str, Any]]:
    if len(trials) <= MOST_TRIALS:
        return trials
    sign = -1 if maximise else 1
    ranked = sorted(trials, key=lambda t: (t["score"] is None, sign * (t["score"] or 0.0)))
    best, others = ranked[: MOST_TRIALS // 3], ranked[MOST_TRIALS // 3 :]
    places = MOST_TRIALS - len(best)
    return best + [others[index * len(others) // places] for index in range(places)]
