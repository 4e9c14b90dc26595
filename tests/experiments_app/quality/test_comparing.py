"""How answers are compared, and what follows for an experiment."""

import pytest

from experiments_app import measurements, objective
from experiments_app.metrics import Point, Samples
from experiments_app.quality import verdict
from experiments_app.quality.answers import Answer, prompts
from experiments_app.quality.asking import Asked
from experiments_app.quality.check import compared_data, reference_data
from experiments_app.quality.comparing import compare
from tasks_app.runtimes import load_runtimes
from tasks_app.spec import TaskSpec
from tasks_app.spec_quality import MOST_PROMPTS, Quality, checks_quality
from tests.experiments_app.specs import task_data

DEFAULT = Answer("sea", "a b c d", ("a", " b", " c", " d"), (-0.1, -0.2, -0.3, -0.4))
OTHER = Answer("sea", "a b x", ("a", " b", " x"), (-0.2, -0.4, -9.0))


def test_tokens_agree_up_to_the_first_difference_of_the_longer_answer() -> None:
    found = compare([DEFAULT], [OTHER], str.split)
    assert found.tokens_from == "engine"
    assert found.token_agreement == pytest.approx(2 / 4)
    assert found.exact_match == 0
    assert found.logprob_distance == pytest.approx((0.1 + 0.2) / 2)


def test_the_same_answer_agrees_wholly() -> None:
    found = compare([DEFAULT], [DEFAULT], str.split).figures()
    assert found == {"exact_match": 1, "token_agreement": 1, "logprob_distance": 0}


def test_without_the_engines_tokens_those_of_the_tokenizer_count() -> None:
    found = compare([DEFAULT], [Answer("sea", "a b c x y")], str.split)
    assert found.tokens_from == "tokenizer"
    assert found.token_agreement == pytest.approx(3 / 5)
    assert found.logprob_distance is None


def test_only_what_the_default_could_answer_counts() -> None:
    reference = [DEFAULT, Answer("sky", error="500: on fire"), Answer("sun", "yes", ("yes",))]
    mine = [DEFAULT, Answer("sky", "blue", ("blue",)), Answer("sun", error="500: on fire")]
    found = compare(reference, mine, str.split)
    assert [one.prompt for one in found.compared] == ["sea", "sun"]
    assert found.token_agreement == pytest.approx(1 / 2)
    assert found.compared[1].error == "500: on fire"


def test_nothing_to_compare_has_no_figures() -> None:
    assert set(compare([], [], str.split).figures().values()) == {None}


def measured(quality: dict[str, object], **wish: float) -> objective.Score:
    spec = TaskSpec.from_data(task_data(quality=wish))
    point = Point("D(16,8)", 2, 4, 0, 100.0, 5.0, Samples())
    return measurements.score(spec, [point], quality=quality)


def test_an_experiment_below_the_bound_is_infeasible_by_its_answers() -> None:
    reference = reference_data(Asked((DEFAULT,), 1.0), Asked((DEFAULT,), 1.0), str.split)
    quality = compared_data(reference, Asked((OTHER,), 1.0), str.split)
    result = measured(quality, min_token_agreement=0.8)
    assert result.score is None
    assert result.miss is not None
    assert result.miss.name == "token_agreement"
    assert result.slo_excess == pytest.approx(0.3 / 0.8)
    words = objective.describe_miss(result.miss)
    assert words == "tokens that agree with the default's answers: 50% (at least 80%)"
    assert measured(quality, min_token_agreement=0.5).feasible
    assert not measured(quality, min_token_agreement=0.5, max_logprob_distance=0.1).feasible
    assert not measured(quality, min_token_agreement=0.5, min_exact_match=1.0).feasible


def test_nothing_must_agree_more_with_the_default_than_the_default_does_with_itself() -> None:
    reference = reference_data(Asked((DEFAULT,), 1.0), Asked((OTHER,), 1.0), str.split)
    assert reference["noise"]["token_agreement"] == pytest.approx(0.5)
    assert measured(reference, min_token_agreement=0.9).feasible
    same = compared_data(reference, Asked((OTHER,), 1.0), str.split)
    assert measured(same, min_token_agreement=0.9).feasible


@pytest.mark.parametrize("quality", [{}, {"error": "the default's answers are not known"}])
def test_answers_that_were_not_compared_make_nothing_infeasible(quality: dict[str, object]) -> None:
    assert measured(quality).feasible


def test_it_says_in_words_how_answers_compare() -> None:
    reference = reference_data(Asked((DEFAULT,), 1.0), Asked((DEFAULT,), 1.0), str.split)
    assert verdict.in_words(reference) == (
        "100% of the tokens agree with its own, asked again, 1 of 1 answers are the same,"
        " log-probabilities differ by 0.000 nats"
    )
    assert verdict.in_words({"error": "no answer"}) == "answers not compared: no answer"
    assert verdict.in_words({}) == ""


def test_as_many_prompts_are_shipped_as_a_task_may_ask() -> None:
    assert len(prompts()) == MOST_PROMPTS
    assert len({prompt.id for prompt in prompts()}) == MOST_PROMPTS


@pytest.mark.parametrize(
    ("runtime", "flag"),
    [("llamacpp", "cache-type-k"), ("vllm", "kv-cache-dtype"), ("sglang", "quantization")],
)
def test_it_is_on_by_itself_where_a_flag_changes_the_precision(runtime: str, flag: str) -> None:
    known = load_runtimes().get(runtime)
    searched = TaskSpec.from_data(task_data(base_runtime=runtime, parameters={flag: ["q4_0", "x"]}))
    fixed = TaskSpec.from_data(task_data(base_runtime=runtime, fixed_parameters={flag: "q4_0"}))
    plain = TaskSpec.from_data(task_data(base_runtime=runtime))
    assert [checks_quality(spec, known) for spec in (searched, fixed, plain)] == [True, True, False]
    for wanted in (True, False):
        told = searched.model_copy(update={"quality": Quality(check=wanted)})
        assert checks_quality(told, known) is wanted
