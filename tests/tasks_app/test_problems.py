import pytest

from tasks_app.problems import Problem, SpecError, did_you_mean, nearest_name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tp_size", "tp-size"),
        ("--tp-size", "tp-size"),
        ("TP-Size", "tp-size"),
        ("tpsize", "tp-size"),
        ("zzz", None),
    ],
)
def test_it_finds_the_name_that_was_meant(typed: str, meant: str | None) -> None:
    assert nearest_name(typed, ["tp-size", "mem-fraction-static"]) == meant


def test_it_lists_the_known_names_when_none_is_near() -> None:
    assert did_you_mean("zzz", ["beta", "alpha"]) == "known: alpha, beta"


def test_it_shortens_a_long_list_of_known_names() -> None:
    assert did_you_mean("?", [f"name{n:02}" for n in range(30)]).endswith("name19, …")


def test_it_shows_all_problems_in_one_message() -> None:
    error = SpecError([Problem("a.b", "is wrong", "write c"), Problem("", "is empty")])
    assert str(error) == "a.b: is wrong (write c)\nis empty"
