"""What there is to say about one run of a task: for its page, and the bar in the terminal.

`TaskOverview.load` asks the database; everything after that is a pure function of what it found.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Self

from django.utils import timezone

from experiments_app import objective, words
from experiments_app.models import Experiment
from experiments_app.planned import fraction_done, planned
from experiments_app.results import best_of, closest_miss, closest_to_slo, is_client_bound
from experiments_app.rows import Cell, Row, cells_of, planned_row, state_of
from experiments_app.waiting import waiting_reason
from tasks_app.models import Run, Task
from tasks_app.runtimes import RuntimeFileError, load_runtime
from tasks_app.spec import TaskSpec

MAX_PLANNED_ROWS = 40
MAX_PARAMETER_COLUMNS = 6
MAX_MESSAGE = 300
# Before the first experiment has ended, its own pace is worth something from here on.
TELLING_FRACTION = 0.3


@dataclass(frozen=True)
class TaskOverview:
    """A run of a task at the moment `now`. `planned` counts the baseline in."""

    task: Task
    run: int
    status: Task.Status
    message: str
    spec: TaskSpec
    experiments: tuple[Experiment, ...]
    planned: int
    started_at: datetime | None
    completed_at: datetime | None
    now: datetime
    closest_miss: str = ""
    is_client_bound: bool = False
    waiting_for: str = ""

    @classmethod
    def load(cls, task: Task, run: int | None = None) -> Self:
        """Three queries, and a few for an experiment that waits. Raises Run.DoesNotExist."""
        number = task.run if run is None else run
        started = Run.objects.filter(task=task, number=number).first()
        if started is None and (number != task.run or task.started_at is not None):
            raise Run.DoesNotExist(f"{task} has no run {number}")
        spec = started.task_spec if started else task.spec
        experiments = tuple(Experiment.objects.of_run(task, number).order_by("number"))
        best = best_of(experiments, spec.optimization.objective)
        closest = None if best else closest_to_slo(experiments)
        return cls(
            task=task,
            run=number,
            status=Task.Status(started.status if started else task.status),
            message=started.message if started else task.message,
            spec=spec,
            experiments=experiments,
            planned=planned(spec, started.gpus if started else None),
            started_at=started.started_at if started else None,
            completed_at=started.completed_at if started else None,
            now=timezone.now(),
            closest_miss=closest_miss(spec, closest) if closest else "",
            is_client_bound=best is not None and is_client_bound(best, experiments[0]),
            waiting_for=next(filter(None, map(waiting_reason, experiments)), ""),
        )

    # How far it is

    @property
    def objective(self) -> str:
        return self.spec.optimization.objective

    @property
    def unit(self) -> str:
        return objective.unit(self.objective)

    @property
    def is_running(self) -> bool:
        return self.status is Task.Status.RUNNING

    @property
    def is_open(self) -> bool:
        """Whether there are experiments to come."""
        return not self.status.is_finished

    @cached_property
    def finished(self) -> int:
        return sum(e.current_status.is_finished for e in self.experiments)

    @cached_property
    def total(self) -> int:
        """Experiments of the run, the baseline and those to come included."""
        made = len(self.experiments)
        return made if self.status is Task.Status.COMPLETED else max(self.planned, made)

    @cached_property
    def current(self) -> Experiment | None:
        if not self.is_running:
            return None
        return next((e for e in self.experiments if not e.current_status.is_finished), None)

    @cached_property
    def current_fraction(self) -> float:
        return words.phase_fraction(self.current.progress) if self.current else 0.0

    @cached_property
    def fraction(self) -> float:
        """How much of the run is done, 0 to 1."""
        if self.status is Task.Status.COMPLETED:
            return 1.0
        return fraction_done(self.finished + self.current_fraction, self.planned)

    @property
    def percent(self) -> int:
        return int(self.fraction * 100)

    @property
    def per_mille(self) -> int:
        return int(self.fraction * 1000)

    @property
    def is_followed(self) -> bool:
        """Whether there is something to wait for: a run, or the end of what it started."""
        return self.is_running or any(e.current_status.is_active for e in self.experiments)

    @cached_property
    def elapsed_s(self) -> float | None:
        if self.started_at is None:
            return None
        return max(((self.completed_at or self.now) - self.started_at).total_seconds(), 0.0)

    @cached_property
    def time_left_s(self) -> float | None:
        """At the mean pace so far; None before there is one."""
        if not self.is_running:
            return None
        ended = [
            e.elapsed.total_seconds() for e in self.experiments if e.completed_at and e.elapsed
        ]
        current = self.current
        if ended:
            each_s = sum(ended) / len(ended)
        elif current and current.started_at and self.current_fraction >= TELLING_FRACTION:
            each_s = (self.now - current.started_at).total_seconds() / self.current_fraction
        else:
            return None
        return max(each_s * (self.total - self.finished - self.current_fraction), 0.0)

    @cached_property
    def words(self) -> str:
        """What happens now, or how it ended, in one line."""
        if self.status is Task.Status.PENDING:
            count = f"{self.planned - 1} experiment{'s' if self.planned != 2 else ''}"
            return f"Not started yet · the baseline and {count} are planned"
        if self.is_running:
            return " · ".join(self._words_now())
        message = self.message.partition("\n")[0][:MAX_MESSAGE]
        if not message or message.lower() == self.status.label.lower():
            return str(self.status.label)
        return f"{self.status.label} · {message}"

    def _words_now(self) -> Iterable[str]:
        if self.current is not None:
            number = self.current.number
            yield f"Experiment {number} of {self.total - 1}" if number else "Baseline"
            yield self.waiting_for or words.phase(self.current.progress)
        else:
            yield "Choosing what to try next" if self.experiments else "Waiting for a worker"
        if self.time_left_s is not None:
            yield words.time_left(self.time_left_s)

    # What came out

    @cached_property
    def best(self) -> Experiment | None:
        return best_of(self.experiments, self.objective)

    @cached_property
    def baseline(self) -> Experiment | None:
        return next((e for e in self.experiments if e.is_baseline), None)

    @cached_property
    def closest(self) -> Experiment | None:
        """Where nothing is feasible: what misses the SLO by the least."""
        return None if self.best else closest_to_slo(self.experiments)

    @cached_property
    def gain(self) -> float | None:
        return self.gain_of(self.best.objective_score if self.best else None)

    def gain_of(self, score: float | None) -> float | None:
        baseline = self.baseline.objective_score if self.baseline else None
        return objective.gain(self.objective, score, baseline)

    @property
    def beats_default(self) -> bool:
        return self.best is not None and not self.best.is_baseline

    @cached_property
    def num_measured(self) -> int:
        return sum(e.status == Experiment.Status.SUCCESS for e in self.experiments)

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """The parameters that the run searches, in the task's order."""
        return tuple(self.spec.parameters)

    @cached_property
    def space(self) -> tuple[tuple[str, str], ...]:
        """The searched parameters with what each may be, in words."""
        domains = self.spec.to_data()["parameters"]
        return tuple((name, words.domain(domain)) for name, domain in domains.items())

    @property
    def has_columns(self) -> bool:
        """Whether each searched parameter gets a column of its own."""
        return len(self.searched) <= MAX_PARAMETER_COLUMNS

    @cached_property
    def answer(self) -> Experiment | None:
        """What the page is about: the best experiment, else the closest to the SLO."""
        return self.best or self.closest

    @cached_property
    def answer_cells(self) -> tuple[Cell, ...]:
        """All flags of the answer, the searched ones first."""
        if self.answer is None:
            return cells_of({}, {}, self.searched)
        flags = self.answer.parameters
        fixed = [name for name in flags if name not in self.searched]
        return cells_of(flags, self._baseline_flags, (*self.searched, *fixed))

    @cached_property
    def answer_flags(self) -> str:
        """The flags of the answer as a shell would read them."""
        if self.answer is None:
            return ""
        try:
            runtime = load_runtime(self.spec.base_runtime)
        except RuntimeFileError:  # a runtime of this site that was removed since
            return ""
        return shlex.join(runtime.flag_arguments(self.answer.parameters))

    @cached_property
    def answer_command(self) -> str:
        return shlex.join(map(str, self.answer.command)) if self.answer else ""

    @property
    def _baseline_flags(self) -> dict[str, str | int | float | bool | None]:
        return self.baseline.parameters if self.baseline else {}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        rows = [self._row(experiment) for experiment in self.experiments]
        if self.is_running and self.total <= MAX_PLANNED_ROWS:
            # Their lines stand from the start, so that nothing moves as results come in.
            rows += [planned_row(n, self.searched) for n in range(len(rows), self.total)]
        return tuple(rows)

    def _row(self, experiment: Experiment) -> Row:
        state, label, detail = state_of(experiment)
        return Row(
            number=experiment.number,
            experiment=experiment,
            state=state,
            label=label,
            detail=detail,
            cells=cells_of(experiment.parameters, self._baseline_flags, self.searched),
            gain=None if experiment.is_baseline else self.gain_of(experiment.objective_score),
            is_best=self.best is not None and experiment.pk == self.best.pk,
        )
