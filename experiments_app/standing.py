"""How far one run of a task is, and what happens now: what a page that follows it asks for.

`Standing.load` reads a few small columns, however many experiments there are; everything after
that is a pure function of what it found.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from django.db.models import Count, Max, Q
from django.utils import timezone

from experiments_app import objective, words
from experiments_app.final_progress import final_left_s, under_way, with_final
from experiments_app.final_result import Final
from experiments_app.kept import FINISHED
from experiments_app.models import Experiment
from experiments_app.pace import remembered_past_mean_s, run_mean_s
from experiments_app.planned import fraction_done, planned
from experiments_app.recollection import Source, sources_of
from experiments_app.stop_rule import Outlook
from experiments_app.waiting import waiting_reason
from tasks_app.models import Run, Task
from tasks_app.spec import TaskSpec

MAX_MESSAGE = 300
# Before the first experiment has ended, its own pace is worth something from here on.
TELLING_FRACTION = 0.3


@dataclass(frozen=True)
class Standing:
    """A run of a task at the moment `now`. `planned` counts the baseline in.

    `made` and `finished` count experiments, each once however often it is measured, `repeated` the
    times that one was measured again; `last_ended_at` is when anything of the run ended last,
    `open_one` what has not ended, `chosen_number` the one that somebody took as the answer.
    `mean_s`: what one takes, as far as that is known.
    """

    task: Task
    run: int
    status: Task.Status
    message: str
    spec: TaskSpec
    planned: int
    made: int
    finished: int
    repeated: int
    last_ended_at: datetime | None
    open_one: Experiment | None
    started_at: datetime | None
    completed_at: datetime | None
    now: datetime
    paused_at: datetime | None = None
    paused_s: float = 0.0
    chosen_number: int | None = None
    final: Final | None = None
    mean_s: float | None = None
    waiting_for: str = ""
    gpus: int | None = None
    outlook: Outlook | None = None
    learned_from: tuple[Source, ...] = ()

    @classmethod
    def load(cls, task: Task, run: int | None = None) -> Self:
        """A few queries, some more for an experiment that waits. Raises Run.DoesNotExist."""
        return cls(**cls._found(task, run))

    @classmethod
    def _found(cls, task: Task, run: int | None) -> dict[str, Any]:
        number = task.run if run is None else run
        started = Run.objects.filter(task=task, number=number).first()
        if started is None and (number != task.run or task.started_at is not None):
            raise Run.DoesNotExist(f"{task} has no run {number}")
        spec = started.task_spec if started else task.spec
        executions = Experiment.objects.executions_of_run(task, number).order_by()
        counts = executions.aggregate(
            made=Count("pk", filter=Q(repeat=1)),
            finished=Count("pk", filter=Q(repeat=1, status__in=FINISHED)),
            repeated=Count("pk", filter=Q(repeat__gt=1)),
            last_ended_at=Max("completed_at"),
        )
        open_one = executions.exclude(status__in=FINISHED).order_by("number", "repeat").first()
        is_running = (started.status if started else task.status) == Task.Status.RUNNING
        mean_s = None
        if is_running:
            mean_s = run_mean_s(task.pk, number, counts["finished"], counts["last_ended_at"])
        if is_running and mean_s is None:
            begun_at = task.started_at.timestamp() if task.started_at else 0
            mean_s = remembered_past_mean_s(f"{task.pk}.{number}.{begun_at}", spec)
        return {
            "task": task,
            "run": number,
            "status": Task.Status(started.status if started else task.status),
            "message": started.message if started else task.message,
            "spec": spec,
            "planned": planned(spec, started.gpus if started else None),
            "gpus": started.gpus if started else None,
            "outlook": Outlook.of_run(started),
            "open_one": open_one,
            "started_at": started.started_at if started else None,
            "completed_at": started.completed_at if started else None,
            "now": timezone.now(),
            "paused_at": task.paused_at if number == task.run else None,
            "paused_s": started.paused_s if started else 0.0,
            "chosen_number": started.chosen_number if started else None,
            "final": Final.from_data(started.final) if started else None,
            "mean_s": mean_s,
            "learned_from": tuple(sources_of(started)),
            "waiting_for": waiting_reason(open_one) if open_one else "",
            **counts,
        }

    # How far it is

    @cached_property
    def final_stamp(self) -> str:
        """Changes with what the final has found."""
        return repr(self.final)

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
    def is_paused(self) -> bool:
        return self.status is Task.Status.PAUSED

    @property
    def is_open(self) -> bool:
        """Whether there are experiments to come."""
        return not self.status.is_finished

    @cached_property
    def total(self) -> int:
        """Experiments of the run, the baseline and those to come included."""
        if self.status is Task.Status.COMPLETED:
            return self.made
        return max(self.planned, self.made)

    @property
    def current(self) -> Experiment | None:
        """What is under way, or comes next; of a paused run only what is being measured."""
        if self.is_running or (self.is_paused and self._is_active):
            return self.open_one
        return None

    @property
    def _is_active(self) -> bool:
        """Whether a worker holds an experiment of the run."""
        return self.open_one is not None and self.open_one.current_status.is_active

    @cached_property
    def current_fraction(self) -> float:
        return words.phase_fraction(self.current.progress) if self.current else 0.0

    @cached_property
    def fraction(self) -> float:
        """How much of the run is done, 0 to 1; the final to come has its share of it."""
        if self.status is Task.Status.COMPLETED:
            return 1.0
        return with_final(
            1.0 if self.is_in_final else fraction_done(self._searched, self.planned),
            self.final,
            self.spec.optimization,
        )

    @property
    def _searched(self) -> float:
        """Experiments of the search that have ended, the one under way counted in part."""
        return self.finished + (0.0 if self.is_again else self.current_fraction)

    @property
    def is_in_final(self) -> bool:
        """Whether the search is over and its leaders are measured again."""
        begun = self.final is not None and self.final.has_begun and not self.final.is_done
        return self.is_open and begun

    @property
    def is_again(self) -> bool:
        """Whether what is under way was measured before."""
        return self.current is not None and self.current.is_repeat

    @property
    def percent(self) -> int:
        return int(self.fraction * 100)

    @property
    def per_mille(self) -> int:
        return int(self.fraction * 1000)

    @property
    def is_followed(self) -> bool:
        """Whether there is something to wait for: a run, or the end of what it started."""
        return self.status.is_under_way or self._is_active

    @cached_property
    def elapsed_s(self) -> float | None:
        """From its start; the time in which it was paused and nothing was measured is left out."""
        if self.started_at is None:
            return None
        idle_since = None if self.current else self.paused_at
        until = self.completed_at or idle_since or self.now
        return max((until - self.started_at).total_seconds() - self.paused_s, 0.0)

    @property
    def ticks_since(self) -> float | None:
        """From when its time is counted, in seconds since 1970, while it goes on."""
        goes_on = self.is_running or self.current is not None
        return self.now.timestamp() - self.elapsed_s if goes_on and self.elapsed_s else None

    @cached_property
    def time_left_s(self) -> float | None:
        """At the mean pace so far, or of the past; None before there is one."""
        if not self.is_running:
            return None
        current = self.current
        each_s = self.mean_s
        if each_s is None:
            if not current or not current.started_at or self.current_fraction < TELLING_FRACTION:
                return None
            each_s = (self.now - current.started_at).total_seconds() / self.current_fraction
        left_s = max(each_s * (self.total - self._searched), 0.0)
        final_s = final_left_s(self.final, self.spec.optimization, search_s=each_s * self.total)
        return final_s if self.is_in_final else left_s + final_s

    @cached_property
    def words(self) -> str:
        """What happens now, or how it ended, in one line."""
        if self.status is Task.Status.PENDING:
            count = f"{self.planned - 1} experiment{'s' if self.planned != 2 else ''}"
            return f"Not started yet · the baseline and {count} are planned"
        if self.is_running:
            return " · ".join(self._words_now())
        if self.is_paused:
            return " · ".join(self._words_paused())
        message = self.message.partition("\n")[0][:MAX_MESSAGE]
        if not message or message.lower() == self.status.label.lower():
            return str(self.status.label)
        return f"{self.status.label} · {message}"

    def _words_paused(self) -> Iterable[str]:
        message = self.message.partition("\n")[0][:MAX_MESSAGE]
        if message.lower().startswith("paused"):
            yield words.capital(message)
        else:
            yield f"Paused · {message}" if message else "Paused"
        if self.current is not None:
            name = f"experiment {self.current.number}" if self.current.number else "the baseline"
            again = " again" if self.is_again else ""
            yield f"{name} is measured{again} to its end"
            yield words.phase(self.current.progress)
        else:
            yield f"{self.finished} of {self.total} experiments have ended"

    def _words_now(self) -> Iterable[str]:
        if self.current is not None:
            yield under_way(self.current, self.final, self.total)
            yield self.waiting_for or words.phase(self.current.progress)
        else:
            choosing = "Choosing what to try next"
            if self.is_in_final:
                choosing = "Final: between two measurements"
            yield choosing if self.made else "Waiting for a worker"
        if self.time_left_s is not None:
            yield words.time_left(self.time_left_s)
