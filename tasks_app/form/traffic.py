"""The section of the task form about the load that configurations are measured with."""

from tasks_app.form.fields import (
    CONCURRENCIES,
    LINE,
    NUMBER,
    SCENARIOS,
    SWITCH,
    YAML_WITH_DEFAULT,
    FieldPlace,
    Section,
)


def _datasets() -> list[tuple[str, str]]:
    from tasks_app.models import Dataset  # the models know the spec and its form's words

    named = Dataset.objects.ready().values_list("name", "rows")
    return [(name, f"{name} ({rows:,} prompts)") for name, rows in named]


TRAFFIC = Section(
    "Traffic",
    "The load that every configuration is measured with.",
    (
        FieldPlace(
            "traffic_scenarios",
            "benchmark.traffic_scenarios",
            SCENARIOS,
            "Traffic scenarios",
            "Tokens in and out of a request: D(100,50) exactly, N(mean,stddev)/(mean,stddev) and "
            "U(min,max)/(min,max) vary. Several by commas.",
            attributes={"spellcheck": "false"},
        ),
        FieldPlace(
            "num_concurrency",
            "benchmark.num_concurrency",
            CONCURRENCIES,
            "Concurrency",
            "Requests at the same time; several levels by commas. Or auto: the most that each "
            "configuration carries within the SLO.",
            width="third",
        ),
        FieldPlace(
            "max_requests_per_level",
            "benchmark.max_requests_per_level",
            NUMBER,
            "Requests per level",
            "A level ends with the first of these two.",
            width="third",
        ),
        FieldPlace(
            "max_minutes_per_level",
            "benchmark.max_minutes_per_level",
            NUMBER,
            "Minutes per level",
            width="third",
        ),
    ),
    slug="traffic",
    more=(
        Section(
            "Prompts",
            "Of your own, from the page Data sets, in place of those that come with the benchmark.",
            (
                FieldPlace(
                    "dataset",
                    "benchmark.dataset",
                    LINE,
                    "Data set",
                    "Made up to the lengths of the scenarios; in the scenario named dataset, sent"
                    " as they are.",
                    choices=(("", "The benchmark's own prompts"),),
                    offers=_datasets,
                    width="half",
                ),
                FieldPlace(
                    "dataset_output_tokens",
                    "benchmark.dataset_output_tokens",
                    NUMBER,
                    "Tokens of an answer",
                    "In the scenario dataset alone. Empty: as many as the data set's own answer"
                    " has.",
                    width="half",
                ),
            ),
            slug="prompts",
        ),
        Section(
            "Search for the load",
            "Where the concurrency is auto.",
            (
                FieldPlace(
                    "max_concurrency",
                    "benchmark.max_concurrency",
                    NUMBER,
                    "Highest concurrency",
                    "The search for the load goes no higher.",
                    attributes={"placeholder": "256"},
                    width="third",
                ),
            ),
        ),
        Section(
            "The same load for all",
            "What keeps levels and configurations comparable.",
            (
                FieldPlace(
                    "fresh_prompts",
                    "benchmark.fresh_prompts",
                    SWITCH,
                    "Prompts of a level",
                    "Every configuration gets the same ones. Repeated from level to level, a"
                    " prefix cache answers part of them.",
                    choices=(
                        ("true", "New ones for each level"),
                        ("false", "The same in every level"),
                    ),
                    width="half",
                ),
                FieldPlace(
                    "remeasure_disturbed",
                    "benchmark.remeasure_disturbed",
                    SWITCH,
                    "A disturbed level",
                    "Where something else kept this machine busy meanwhile.",
                    choices=(
                        ("true", "Measure it again"),
                        ("false", "Keep it, with a mark"),
                    ),
                    width="half",
                ),
            ),
            slug="same-load",
        ),
        Section(
            "Request parameters",
            "Sent with every request.",
            (
                FieldPlace(
                    "additional_params",
                    "benchmark.additional_params",
                    YAML_WITH_DEFAULT,
                    "Parameters",
                    "One a line: temperature: 0.0",
                    attributes={"placeholder": "temperature: 0.0"},
                ),
            ),
        ),
    ),
)
