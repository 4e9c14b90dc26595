"""At which loads an experiment may be measured, and what it has to beat."""

from collections.abc import Callable

from experiments_app import measurements, objective, repeats
from experiments_app.level_choice import GivenLevels, LevelChoice, SearchedLevels
from experiments_app.load_order import Level
from experiments_app.load_search import FIRST, Limits
from experiments_app.models import Experiment
from tasks_app.spec import TaskSpec


def choice_for(experiment: Experiment, spec: TaskSpec) -> LevelChoice:
    aim = objective.load_objective(spec.optimization.objective)
    reference = measurements.reference_points(spec, experiment)
    across = measurements.across(spec, reference or [])
    if experiment.is_repeat:
        return GivenLevels(aim, repeats.deciding_levels(spec, experiment.original()), across)
    if not spec.benchmark.finds_concurrency:
        levels = [Level(point.scenario, point.concurrency) for point in spec.points()]
        return GivenLevels(aim, levels, across)
    limits = Limits(spec.benchmark.highest_concurrency, by_rate=not spec.slo_bounds())
    return SearchedLevels(
        aim, spec.benchmark.traffic_scenarios, limits, across, first_loads(experiment, spec)
    )


def first_loads(experiment: Experiment, spec: TaskSpec) -> dict[str, int]:
    """Where to begin the search for the load: at what the best of the run so far carries."""
    best = best_so_far(experiment, spec)
    found = best.load_search if best else {}
    return {
        scenario: int(one["concurrency"]) for scenario, one in found.items() if one["concurrency"]
    }


def first_concurrencies(experiment: Experiment, spec: TaskSpec) -> tuple[int, ...]:
    """What requests are made for while the server starts."""
    if experiment.is_repeat:
        levels = repeats.deciding_levels(spec, experiment.original())
        return tuple(sorted({level.concurrency for level in levels}))
    if not spec.benchmark.finds_concurrency:
        return spec.benchmark.given_concurrencies
    known = first_loads(experiment, spec)
    first = {known.get(scenario, FIRST) for scenario in spec.benchmark.traffic_scenarios}
    return tuple(sorted({min(one, spec.benchmark.highest_concurrency) for one in first}))


def number_of_levels(choice: LevelChoice) -> int | None:
    return len(choice.levels) if isinstance(choice, GivenLevels) else None


def rival_of(experiment: Experiment, spec: TaskSpec) -> Experiment | None:
    """What `experiment` has to beat; None where it is measured in any case."""
    searches = experiment.purpose == Experiment.Purpose.SEARCH
    if experiment.is_baseline or not searches or not spec.optimization.prunes:
        return None
    return best_so_far(experiment, spec)


def best_so_far(experiment: Experiment, spec: TaskSpec) -> Experiment | None:
    """The best feasible one of the run, other than `experiment` itself."""
    scored = Experiment.objects.of_run(experiment.task, experiment.run).exclude(
        objective_score=None
    )
    sign = "-" if objective.is_maximised(spec.optimization.objective) else ""
    return scored.exclude(pk=experiment.pk).order_by(f"{sign}objective_score", "number").first()


class LevelClock:
    """Tells whether the time that an experiment has left is enough for a level of a search, each
    scenario having an equal share of it."""

    def __init__(self, spec: TaskSpec, time_left_s: Callable[[], float]) -> None:
        self._benchmark = spec.benchmark
        self._time_left_s = time_left_s
        self._requests_per_s: dict[Level, float] = {}
        self._last_left_s: dict[str, float] = {}

    def note(self, level: Level, took_s: float, requests: int) -> None:
        self._requests_per_s[level] = requests / max(took_s, 1e-6)

    def has_time_for(self, level: Level) -> bool:
        """True for the first level of a scenario, whose pace is not known."""
        left_s = self._time_left_s()
        began_s = self._last_left_s.setdefault(level.scenario, left_s)
        scenarios = self._benchmark.traffic_scenarios
        later = len(scenarios) - scenarios.index(level.scenario)
        paces = [
            rate * min(1.0, level.concurrency / other.concurrency)
            for other, rate in self._requests_per_s.items()
            if other.scenario == level.scenario
        ]
        if not paces:
            return True
        requests = max(self._benchmark.max_requests_per_level, level.concurrency)
        expected_s = min(requests / max(paces), 60 * self._benchmark.max_minutes_per_level)
        return expected_s <= left_s - began_s * (later - 1) / later
