"""Which flags a task may name, and with which values: its engine's catalogue."""

import pytest

from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import validate_spec
from tests.tasks_app.open_runtime import Document, ProblemsWith, open_document, problems


def test_it_refuses_a_flag_that_a_closed_engine_does_not_know(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(parameters={"thread": [1], "threads": [1]})
    assert str(problem) == (
        "parameters.thread: llamacpp has no flag 'thread' (did you mean 'threads'?)"
    )


def test_it_refuses_a_vllm_flag_in_an_sglang_task(
    document: Document, catalogue: RuntimeCatalogue
) -> None:
    document |= {
        "deployment_mode": "docker",
        "base_runtime": "sglang",
        "parameters": {"tp-size": [1], "gpu-memory-utilization": [0.8]},
    }
    assert problems(document, catalogue) == [
        (
            "parameters.gpu-memory-utilization: "
            "'gpu-memory-utilization' is a flag of vllm, not of sglang"
        )
    ]


def test_it_refuses_an_sglang_flag_in_a_vllm_task(
    document: Document, catalogue: RuntimeCatalogue
) -> None:
    document |= {
        "deployment_mode": "docker",
        "base_runtime": "vllm",
        "parameters": {"tensor-parallel-size": [1], "mem-fraction-static": [0.8]},
        "fixed_parameters": {"disable-radix-cache": True},
    }
    found = problems(document, catalogue)
    assert [text.partition(": ")[0] for text in found] == [
        "parameters.mem-fraction-static",
        "fixed_parameters.disable-radix-cache",
    ]
    assert all("is a flag of sglang, not of vllm" in text for text in found)


def test_it_refuses_another_engine_s_flag_in_a_llamacpp_task(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(parameters={"max-num-seqs": [8]})
    assert problem.message == "'max-num-seqs' is a flag of vllm, not of llamacpp"


def test_it_names_the_nearest_runtime(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(base_runtime="llama.cpp")
    assert str(problem) == "base_runtime: no runtime 'llama.cpp' (did you mean 'llamacpp'?)"


@pytest.mark.parametrize("name", ["ubatch_size", "UBATCH_SIZE"])
def test_it_says_that_flags_are_written_with_dashes(problems_with: ProblemsWith, name: str) -> None:
    [problem] = problems_with(parameters={name: [64]})
    assert problem.suggestion == "write ubatch-size"


def test_it_knows_flags_that_really_have_an_underscore(open_catalogue: RuntimeCatalogue) -> None:
    document = open_document(parameters={"odd_name": ["x", "y"]})
    assert validate_spec(document, catalogue=open_catalogue)[1] == []


@pytest.mark.parametrize("name", ["model", "port", "host", "alias"])
def test_it_refuses_flags_that_the_command_sets(problems_with: ProblemsWith, name: str) -> None:
    [problem] = problems_with(fixed_parameters={name: "x"})
    assert problem.message == f"--{name} is set by the runtime llamacpp itself"


def test_it_passes_unlisted_flags_of_an_open_engine_on_with_a_warning(
    open_catalogue: RuntimeCatalogue,
) -> None:
    document = open_document(parameters={"brand-new-knob": [1, 2]})
    _, [warning] = validate_spec(document, catalogue=open_catalogue)
    assert warning.path == "parameters.brand-new-knob"
    assert "passed on unchecked" in warning.message


def test_a_catalogue_that_lists_some_flags_does_not_give_the_others_to_another_engine(
    open_catalogue: RuntimeCatalogue,
) -> None:
    document = open_document(parameters={"max-num-seqs": [1, 2]})
    _, [warning] = validate_spec(document, catalogue=open_catalogue)
    assert warning.path == "parameters.max-num-seqs"


def test_it_takes_a_near_miss_in_an_open_engine_for_a_slip(
    open_catalogue: RuntimeCatalogue,
) -> None:
    document = open_document(parameters={"page-sizes": [16]})
    assert problems(document, open_catalogue) == [
        (
            "parameters.page-sizes: open-engine has no flag 'page-sizes' that we know of "
            "(did you mean 'page-size'?)"
        )
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"threads": ["2"]},
            "parameters.threads[0]: must be a whole number, not the text '2' (write 2 without quotes)",  # noqa: E501
        ),
        ({"threads": [2.0]}, "parameters.threads[0]: must be a whole number, not 2.0"),
        ({"threads": [True]}, "parameters.threads[0]: must be a whole number, not true"),
        ({"threads": [1, 0]}, "parameters.threads[1]: must be at least 1, not 0"),
        ({"threads": {"low": 0, "high": 4}}, "parameters.threads: must be at least 1, not 0"),
        (
            {"threads": {"low": 1, "high": 9999}},
            "parameters.threads: must be at most 1024, not 9999",
        ),
        (
            {"threads": {"low": 1.0, "high": 4.0}},
            "parameters.threads: takes whole numbers only (write low, high and step without a point)",  # noqa: E501
        ),
        (
            {"flash-attn": ["on", "of"]},
            "parameters.flash-attn[1]: must be one of 'on', 'off', 'auto', not 'of'",
        ),
        ({"flash-attn": [True]}, "parameters.flash-attn[0]: must be text, not true"),
        (
            {"flash-attn": {"low": 0, "high": 1}},
            "parameters.flash-attn: takes text, not a range of numbers (list the choices)",
        ),
        (
            {"cont-batching": ["true"]},
            "parameters.cont-batching[0]: must be true or false, not 'true' (write true without quotes)",  # noqa: E501
        ),
        (
            {"cont-batching": {"low": 0, "high": 1}},
            "parameters.cont-batching: takes true or false, not a range of numbers (list the choices)",  # noqa: E501
        ),
        (
            {"slot-prompt-similarity": {"low": 0.5, "high": 1.5}},
            "parameters.slot-prompt-similarity: must be at most 1.0, not 1.5",
        ),
    ],
)
def test_it_checks_values_against_the_catalogue(
    problems_with: ProblemsWith, parameters: Document, message: str
) -> None:
    assert [str(problem) for problem in problems_with(parameters=parameters)] == [message]


def test_it_checks_fixed_values_against_the_catalogue(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(fixed_parameters={"parallel": 0})
    assert str(problem) == "fixed_parameters.parallel: must be at least 1, not 0"


def test_it_checks_a_range_against_listed_values(open_catalogue: RuntimeCatalogue) -> None:
    for domain in ({"low": 1, "high": 8}, {"low": 1, "high": 3, "step": 2}):
        [text] = problems(open_document(parameters={"tp-size": domain}), open_catalogue)
        assert text.startswith("parameters.tp-size: ")
    document = open_document(parameters={"tp-size": {"low": 1, "high": 2}})
    assert validate_spec(document, catalogue=open_catalogue)[1] == []


def test_it_warns_of_whole_numbers_where_fractions_may_be_meant(
    open_catalogue: RuntimeCatalogue, catalogue: RuntimeCatalogue, document: Document
) -> None:
    document["parameters"] = {"slot-prompt-similarity": {"low": 0, "high": 1}}
    _, [warning] = validate_spec(document, catalogue=catalogue)
    assert warning.suggestion == "write {low: 0.0, high: 1.0} for those between"
