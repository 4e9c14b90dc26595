"""What there is to say about one run of a task: for its page, and the bar in the terminal.

`TaskOverview.load` asks the database; everything after that is a pure function of what it found.
"""

from collections import Counter
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

from experiments_app import several, words
from experiments_app.answer_texts import AnswerText, answer_texts
from experiments_app.answers import (
    ScenarioChange,
    chosen_of,
    front_of,
    losses_in_words,
    scenario_changes,
)
from experiments_app.best import best_of, gain_of
from experiments_app.comparison import Line, levels_of
from experiments_app.confidence.doubts import Doubt, compared, doubts_of
from experiments_app.final_view import FinalView
from experiments_app.kept import experiments_of, repeats_of
from experiments_app.models import Experiment
from experiments_app.planned import most_experiments
from experiments_app.results import closest_miss, closest_to_slo
from experiments_app.rows import Cell, Row, cells_of, planned_row, state_of
from experiments_app.spent import Spent
from experiments_app.standing import Standing
from experiments_app.stop_rule import MORE_AFTER_THE_END
from experiments_app.verdict import how_sure, names, why_not_confirmed
from experiments_app.verification_view import VerificationView
from tasks_app.models import Task

MAX_PLANNED_ROWS = 40


@dataclass(frozen=True)
class TaskOverview(Standing):
    """A run with all its experiments, and what came out of them."""

    experiments: tuple[Experiment, ...] = ()
    repeats: tuple[Experiment, ...] = ()
    closest_miss: str = ""
    doubts: tuple[Doubt, ...] = ()
    """What must be said of the figures that make the answer."""

    @classmethod
    def load(cls, task: Task, run: int | None = None) -> Self:
        """A few queries, however many experiments there are. Raises Run.DoesNotExist."""
        return cls.of(Standing.load(task, run))

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """The same run with all its experiments."""
        known = {field.name: getattr(standing, field.name) for field in fields(Standing)}
        experiments = experiments_of(
            standing.task,
            standing.run,
            made=standing.made,
            finished=standing.finished,
            last_ended_at=standing.last_ended_at,
            final=standing.final_stamp,
        )
        spec = standing.spec
        best = best_of(experiments, spec.optimization.objective, standing.final)
        closest = None if best else closest_to_slo(experiments)
        return cls(
            experiments=experiments,
            repeats=repeats_of(standing.task, standing.run) if standing.repeated else (),
            closest_miss=closest_miss(spec, closest) if closest else "",
            doubts=doubts_of(compared(best, experiments, standing.final)) if best else (),
            **known,
        )

    # What came out

    @cached_property
    def best(self) -> Experiment | None:
        return best_of(self.experiments, self.objective, self.final)

    @cached_property
    def baseline(self) -> Experiment | None:
        return next((e for e in self.experiments if e.is_baseline), None)

    @cached_property
    def closest(self) -> Experiment | None:
        """Where nothing is feasible: what misses the SLO by the least."""
        return None if self.best else closest_to_slo(self.experiments)

    @cached_property
    def chosen(self) -> Experiment | None:
        """What somebody took as the answer instead of the best."""
        return chosen_of(self.experiments, self.chosen_number)

    @cached_property
    def front(self) -> list[Experiment]:
        """Of several objectives: what nothing beats in all of them."""
        return front_of(self.spec, self.experiments)

    @cached_property
    def front_columns(self) -> list[tuple[str, str]]:
        """Title and unit of each of several objectives."""
        names = self.spec.optimization.objectives or []
        return [(several.title_of(name), several.unit_of(name)) for name in names]

    @cached_property
    def front_rows(self) -> list[tuple[Experiment, list[float]]]:
        """The front with the value of each objective."""
        names = self.spec.optimization.objectives or []
        return [(e, [e.scores[name] for name in names]) for e in self.front]

    @cached_property
    def scenario_changes(self) -> list[ScenarioChange]:
        """The answer against the default, scenario by scenario, where there are several."""
        if self.answer is None or self.baseline is None:
            return []
        return scenario_changes(self.spec, self.baseline, self.answer)

    @property
    def losses(self) -> str:
        return losses_in_words(self.scenario_changes)

    @property
    def answer_gain(self) -> float | None:
        return self.gain_over_default(self.answer) if self.answer else None

    @cached_property
    def gain(self) -> float | None:
        return gain_of(self.objective, self.best, self.baseline, self.final)

    def gain_over_default(self, experiment: Experiment) -> float | None:
        if experiment.is_baseline:
            return None
        return gain_of(self.objective, experiment, self.baseline, self.final)

    @cached_property
    def final_view(self) -> FinalView | None:
        """The final as the page shows it, from its first contender on."""
        if self.final is None or not self.final.contenders:
            return None
        return FinalView.of(self.final, self.experiments, self.repeats, self.spec)

    @property
    def answer_interval(self) -> str:
        """Within what the true gain of the answer lies, where the final has told."""
        if self.final is None or not self.final.is_done or self.answer is None:
            return ""
        estimate = self.final.estimate_of(self.answer.number)
        return words.interval(estimate.gain_ci95) if estimate and estimate.gain_ci95 else ""

    @property
    def final_verdict(self) -> str:
        """The name of what the final has found; "" before it has, or without one."""
        is_done = self.final is not None and self.final.is_done
        return str(self.final.verdict or "") if self.final and is_done else ""

    @property
    def sureness(self) -> str:
        """How sure the answer is, in plain words."""
        if self.final is not None and (told := how_sure(self.final)):
            return told
        why = why_not_confirmed(self.final, self.spec, self.status)
        if why and self.status.is_under_way:  # from the start: nothing moves as results come in
            return f"Not confirmed: {why}."
        if not why or self.best is None or self.num_measured < 2:
            return ""
        return f"Not confirmed: {why}. Of many single measurements the luckiest looks best."

    @property
    def tied_words(self) -> str:
        return names(self.final.tied) if self.final else ""

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

    @cached_property
    def answer(self) -> Experiment | None:
        """What the page is about: what was taken, else the best, else the closest to the SLO."""
        return self.chosen or self.best or self.closest

    @cached_property
    def answer_cells(self) -> tuple[Cell, ...]:
        """All flags of the answer, the searched ones first."""
        if self.answer is None:
            return cells_of({}, {}, self.searched)
        flags = self.answer.parameters
        fixed = [name for name in flags if name not in self.searched]
        return cells_of(flags, self._baseline_flags, (*self.searched, *fixed))

    @cached_property
    def answer_texts(self) -> list[AnswerText]:
        """The answer in every form in which it is taken along."""
        if self.answer is None:
            return []
        return answer_texts(self.spec, Experiment.objects.get(pk=self.answer.pk))

    @cached_property
    def answer_verified(self) -> VerificationView | None:
        """Whether the answer was seen to keep what was promised; None while the run goes on."""
        if self.answer is None or self.status.is_under_way:
            return None
        return VerificationView.of(self.answer, self.spec, is_under_way=False)

    @cached_property
    def against_default(self) -> list[tuple[str, list[Line]]]:
        """Every metric of the default and the answer, load level by load level."""
        if self.answer is None or self.baseline is None or self.answer.is_baseline:
            return []
        return levels_of(self.spec, (self.baseline, self.answer))

    # What it costs, and what more would bring

    @cached_property
    def spent(self) -> Spent:
        started = (*self.experiments, *self.repeats)
        return Spent.of(started, now=self.now, wall_s=self.elapsed_s)

    @property
    def outlook_words(self) -> str:
        """The chance of a further gain; empty before it can be told."""
        outlook = self.outlook
        if outlook is None or outlook.chance is None or self.num_left == 0:
            return ""
        chance = words.chance(outlook.chance)
        more = min(outlook.more, self.num_left)
        if more == 1:
            which = "the experiment to come gains" if self.is_open else "1 more gains"
        else:
            which = f"the {more} experiments to come gain" if self.is_open else f"{more} more gain"
        return f"{chance} that {which} more than {outlook.gain * 100:g}%"

    @cached_property
    def num_left(self) -> int:
        """Configurations of the space that were not tried, as far as a budget may go."""
        return max(most_experiments(self.spec, self.gpus) - self.made, 0)

    @property
    def can_go_on(self) -> bool:
        """Whether the run has ended, is the latest, and left something to try."""
        is_latest = self.run == self.task.run and self.status is self.task.current_status
        return self.status.is_finished and is_latest and self.num_left > 0

    @property
    def num_wanted(self) -> int:
        """Experiments that were planned, and what the undo test has added."""
        return max(self.planned, self.made)

    @property
    def offered_more(self) -> int:
        return min(self.num_left, MORE_AFTER_THE_END)

    @property
    def _baseline_flags(self) -> dict[str, str | int | float | bool | None]:
        return self.baseline.parameters if self.baseline else {}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Of all experiments that there are."""
        return tuple(self.row_of(experiment) for experiment in self.experiments)

    @property
    def planned_numbers(self) -> range:
        """Those whose lines stand from the start, so that nothing moves as results come in."""
        stand = self.status.is_under_way and self.total <= MAX_PLANNED_ROWS
        return range(self.made, self.total if stand else self.made)

    def planned_row(self, number: int) -> Row:
        return planned_row(number, self.searched)

    def row_of(self, experiment: Experiment) -> Row:
        state, label, detail = state_of(experiment)
        return Row(
            number=experiment.number,
            experiment=experiment,
            state=state,
            label=label,
            detail=detail,
            cells=cells_of(experiment.parameters, self._baseline_flags, self.searched),
            gain=self.gain_over_default(experiment),
            is_best=self.best is not None and experiment.pk == self.best.pk,
            is_noise=self._is_noise(experiment.number),
            times=1 + self._times_again[experiment.number],
            interval=self._score_interval(experiment.number),
        )

    @cached_property
    def _times_again(self) -> Counter[int]:
        return Counter(e.number for e in self.repeats if e.status == Experiment.Status.SUCCESS)

    def _is_noise(self, number: int) -> bool:
        """Whether its gain may be none, by the final's interval."""
        estimate = self.final.estimate_of(number) if self.final and self.final.is_done else None
        return bool(estimate and estimate.gain_ci95 and estimate.gain_ci95[0] <= 0)

    def _score_interval(self, number: int) -> str:
        estimate = self.final.estimate_of(number) if self.final and self.final.is_done else None
        if estimate is None or estimate.score_ci95 is None:
            return ""
        return " to ".join(map(words.number, estimate.score_ci95))
