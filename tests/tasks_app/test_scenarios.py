import pytest

from tasks_app.scenarios import ScenarioError, parse_scenario, split_scenarios


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("D(100,50)", "100 tokens in, 50 out"),
        ("N(480,240)/(300,150)", "about 480 ± 240 tokens in, 300 ± 150 out"),
        ("N(480,0)/(300,0)", "about 480 ± 0 tokens in, 300 ± 0 out"),
        ("U(50,100)/(200,250)", "50 to 100 tokens in, 200 to 250 out"),
        ("U(100,200)", "up to 100 tokens in, up to 200 out"),
        ("E(1024)", "documents of 1024 tokens"),
        ("R(1024,100)", "documents of 1024 tokens, queries of 100"),
        ("I(512,256)", "1 image of 512 × 256 pixels"),
        ("I(512,256,3)", "3 images of 512 × 256 pixels"),
        ("dataset", "prompts of the data set"),
    ],
)
def test_it_parses_the_benchmark_s_grammar(text: str, words: str) -> None:
    scenario = parse_scenario(text)
    assert scenario.text == text
    assert scenario.describe() == words


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("D(100, 100)", "write D(100,100)"),
        (" D(100,100)", "write D(100,100)"),
        ("d(100,100)", "write D(100,100)"),
        ("D(100", "write D(input,output), whole numbers and no spaces"),
        ("D(100,100)x", "write D(input,output), whole numbers and no spaces"),
        ("D(1.5,100)", "write D(input,output), whole numbers and no spaces"),
        ("D(-1,100)", "write D(input,output), whole numbers and no spaces"),
        ("D(100)", "write D(input,output)"),
        ("D(100,100)/(1,2)", "write D(input,output)"),
        ("N(100,10)", "write N(mean,stddev)/(mean,stddev)"),
        ("D(0100,50)", "write D(100,50)"),
        ("X(1,2)", "kinds: D, N, U, E, R, I and dataset"),
        ("", "write for example D(100,100): 100 tokens in, 100 out"),
        ("hello", "write for example D(100,100): 100 tokens in, 100 out"),
        ("D(١٠٠,٢)", "write D(input,output), whole numbers and no spaces"),
    ],
)
def test_it_says_what_would_be_right(text: str, suggestion: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize("text", ["D(100,1)", "U(10,1)", "U(5,5)/(1,1)", "N(100,1)/(1,5)"])
def test_it_refuses_answers_too_short_to_have_a_pace(text: str) -> None:
    with pytest.raises(ScenarioError, match="every record would be dropped"):
        parse_scenario(text)


@pytest.mark.parametrize("text", ["D(0,10)", "U(0,5)/(2,3)", "N(0,1)/(5,5)", "E(0)", "I(0,5)"])
def test_it_refuses_lengths_of_zero(text: str) -> None:
    with pytest.raises(ScenarioError, match="lengths start at 1"):
        parse_scenario(text)


@pytest.mark.parametrize("text", ["U(9,3)/(2,5)", "U(3,9)/(5,2)"])
def test_it_refuses_a_minimum_above_its_maximum(text: str) -> None:
    with pytest.raises(ScenarioError, match="a minimum is above its maximum"):
        parse_scenario(text)


@pytest.mark.parametrize("text", ["D(99999999,2)", f"D({'9' * 5000},2)"])
def test_it_refuses_figures_beyond_reason(text: str) -> None:
    with pytest.raises(ScenarioError, match="beyond 10000000"):
        parse_scenario(text)


def test_it_knows_which_scenarios_fit_a_task() -> None:
    kinds = [parse_scenario(t) for t in ("D(1,2)", "N(1,1)/(2,1)", "U(1,2)", "E(1)", "I(1,1)")]
    assert [s.fits("text-to-text") for s in kinds] == [True, True, True, False, False]
    assert [s.fits("text-to-embeddings") for s in kinds] == [False, False, False, True, False]
    assert not kinds[0].fits("no-such-task")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("D(100,100), D(200,200)", ["D(100,100)", "D(200,200)"]),
        ("D(100,100)", ["D(100,100)"]),
        ("N(1,2)/(3,4);U(5,6)\nD(7,8)", ["N(1,2)/(3,4)", "U(5,6)", "D(7,8)"]),
        ("D(100, 100),", ["D(100, 100)"]),
        ("", []),
        ("D(1,2)) , D(3,4)", ["D(1,2))", "D(3,4)"]),
    ],
)
def test_it_splits_a_field_outside_parentheses_only(text: str, parts: list[str]) -> None:
    assert split_scenarios(text) == parts


@pytest.mark.parametrize(
    ("text", "bounds", "mean"),
    [
        ("D(100,50)", (50, 50), (100.0, 50.0)),
        ("U(10,20)/(30,50)", (30, 50), (15.0, 40.0)),
        ("U(9,5)", (2, 5), (5.0, 3.0)),
        ("N(100,5)/(20,3)", None, (100.0, 20.0)),
    ],
)
def test_it_tells_the_lengths_of_requests(
    text: str, bounds: tuple[int, int] | None, mean: tuple[float, float]
) -> None:
    assert parse_scenario(text).output_tokens == bounds
    assert parse_scenario(text).mean_tokens == mean
