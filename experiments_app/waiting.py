"""Why a pending experiment of a running task is not run yet: which devices it waits for."""

from collections.abc import Iterator, Sequence

from experiments_app.gpu_demand import gpus_needed
from experiments_app.gpus import Gpu, GpuSurvey, glance
from experiments_app.leases import WHOLE_HOST, choose_gpus, gpu_resource, this_host
from experiments_app.models import Experiment, ResourceLease
from tasks_app.models import Task

# A page asks every two seconds, whoever else looks at it.
MAX_AGE_S = 1.5


def waiting_reason(experiment: Experiment) -> str:
    """`waits for 2 GPUs: GPU 1 is busy with python (pid 123, user bob)`, from what this host shows.

    Empty when it is not pending, its task does not run, or nothing is in its way.
    """
    if experiment.status != Experiment.Status.PENDING or not experiment.is_wanted():
        return ""
    holders = _holders()
    if WHOLE_HOST in holders:
        return f"waits for this machine: {_name(holders[WHOLE_HOST])} is measured on its CPU"
    gpus = gpus_needed(experiment.pk)
    if gpus:
        return _waiting_for_gpus(gpus, glance(MAX_AGE_S), holders)
    if holders:
        other = next(iter(holders.values()))
        return f"waits for this machine: {_name(other)} is measured on its GPUs"
    return ""


def _waiting_for_gpus(count: int, found: GpuSurvey, holders: dict[str, Experiment]) -> str:
    wanted = f"waits for {'a GPU' if count == 1 else f'{count} GPUs'}"
    if found.hangs:
        return f"{wanted}: {'; '.join(found.faults)}"
    free = [g for g in found.gpus if not g.used_by and gpu_resource(g.uuid) not in holders]
    if choose_gpus(free, count) is not None:
        return ""
    if count > found.most_for_one:
        has = {0: "no GPU", 1: "only one"}.get(found.most_for_one, f"only {found.most_for_one}")
        return f"{wanted}: this machine has {'; '.join([has, *found.faults])}"
    return f"{wanted}: {'; '.join(_obstacles(found.gpus, holders))}"


def _obstacles(gpus: Sequence[Gpu], holders: dict[str, Experiment]) -> Iterator[str]:
    """Held ones too compute for somebody: their holder is the cause."""
    for gpu in gpus:
        if holder := holders.get(gpu_resource(gpu.uuid)):
            yield f"{gpu.label} is held by {_name(holder)}"
        elif gpu.used_by:
            yield f"{gpu.label} is busy with {gpu.used_by}"


def _holders() -> dict[str, Experiment]:
    """Who holds which device of this host."""
    leases = ResourceLease.objects.filter(host=this_host()).exclude(resource__startswith="port:")
    return {
        lease.resource: lease.experiment
        for lease in leases.select_related("experiment__task").order_by("resource")
    }


def _name(experiment: Experiment) -> str:
    task: Task = experiment.task
    return f"task {task.name} #{experiment.number}"
