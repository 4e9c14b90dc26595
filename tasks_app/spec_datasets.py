"""Whether the data set that a task names is here, and goes together with its load."""

from typing import TYPE_CHECKING

from tasks_app.problems import Problem, did_you_mean

if TYPE_CHECKING:
    from tasks_app.spec import TaskSpec

PLACE = "benchmark.dataset"
OUTPUT_PLACE = "benchmark.dataset_output_tokens"
MOST_NAMED = 10


def dataset_problems(spec: "TaskSpec") -> list[Problem]:
    """Asks the database only where a task has to do with data sets."""
    benchmark = spec.benchmark
    as_they_are = benchmark.takes_prompts_as_they_are
    problems = []
    if benchmark.dataset_output_tokens is not None and not as_they_are:
        message = "counts only in the scenario dataset: other scenarios say the answers' length"
        problems.append(Problem(OUTPUT_PLACE, message, "leave it out"))
    if benchmark.dataset is not None:
        return [*problems, *_problems_of(benchmark.dataset, spec)]
    if as_they_are:
        path = f"benchmark.traffic_scenarios[{benchmark.traffic_scenarios.index('dataset')}]"
        message = "the scenario dataset sends the prompts of a data set, and none is named"
        problems.append(Problem(path, message, "name one in benchmark.dataset"))
    return problems


def _problems_of(name: str, spec: "TaskSpec") -> list[Problem]:
    from tasks_app.models import Dataset  # the models know the spec, not the other way round

    found = Dataset.objects.filter(name=name).only("status", "answers").first()
    if found is None:
        known = list(Dataset.objects.ready().values_list("name", flat=True)[:1_000])
        return [Problem(PLACE, f"there is no data set {name!r} on this site", _known(name, known))]
    if not found.is_ready:
        state = found.get_status_display()
        return [Problem(PLACE, f"the data set {name!r} is not ready: {state}", "see Data sets")]
    needs_length = spec.benchmark.dataset_output_tokens is None
    if spec.benchmark.takes_prompts_as_they_are and needs_length and not found.answers:
        message = f"the data set {name!r} has no answers whose lengths could be asked for"
        return [Problem(OUTPUT_PLACE, message, "say how many tokens each answer is to have")]
    return []


def _known(name: str, known: list[str]) -> str:
    if not known:
        return "there is none yet: add it on the page Data sets"
    if hint := did_you_mean(name, known):
        return hint
    more = " …" if len(known) > MOST_NAMED else ""
    return f"there are {', '.join(known[:MOST_NAMED])}{more}"
