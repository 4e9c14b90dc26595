import pytest

from tasks_app.expressions import MAX_LENGTH, Constraint, Expression, ExpressionError, Scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 // 2 - 1", 2),
        ("7 % 4 / 2", 1.5),
        ("-3 + 1", -2),
        ("- -3", 3),
        ("2-1", 1),
        (".5 + 1e3", 1000.5),
        ("min(3, 1, 2) + max(1, 2)", 3),
        ("abs(1 - 4)", 3),
        ("if(1 < 2 and true, 3, 4) + 1", 4),
        ("if(false, 1 / 0, 4)", 4),
        ("if(null, 1, 2)", None),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("1 <= 1 and 2 >= 2 and 1 != 2", True),
        ("not true or true", True),
        ("not (true or true)", False),
        ("true or false and false", True),
        ('"f16" in ["f16", \'q8_0\']', True),
        ("3 not in [1, 2]", True),
        ("true == 1", False),
        ("1 == 1.0", True),
        ('"a" == "a"', True),
        ("null == null", True),
        ("null != 1", True),
    ],
)
def test_it_evaluates(text: str, value: Scalar) -> None:
    assert Expression.parse(text).evaluate({}) == value


def test_it_reads_dashes_as_part_of_a_name() -> None:
    expression = Expression.parse("tp-size * dp-size <= gpus")
    assert expression.names == ("dp-size", "gpus", "tp-size")
    assert expression.evaluate({"tp-size": 2, "dp-size": 2, "gpus": 4}) is True


def test_it_needs_blanks_around_a_minus_between_names() -> None:
    assert Expression.parse("a-b").names == ("a-b",)
    assert Expression.parse("a - b").names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("unset < 4", True),  # unknown holds
        ("not unset < 4", True),
        ("unset * 2 + 1 > 3 and 1 > 2", False),
        ("unset < 4 or 1 > 2", True),
        ("1 < unset < 0", True),
        ("2 < 1 < unset", False),
        ("max(unset, 3) > 9", True),
        ("unset == null", True),
        ("unset != null", False),
        ("unset in [1, null]", True),
    ],
)
def test_it_treats_a_flag_left_out_as_unknown(text: str, outcome: bool) -> None:
    assert Constraint.parse(text).holds({"unset": None}) is outcome


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: empty"),
        ("   ", "column 1: empty"),
        ("a =", "column 3: cannot read '=': compare with =="),
        ("a & b", "column 3: cannot read '&': write and"),
        ("a <", "column 4: expected a flag name or a value, found the end"),
        ("(a < 1", "column 7: expected ')', found the end"),
        ("a < 1)", "column 6: expected an operator, found ')'"),
        ("a b", "column 3: expected an operator, found 'b'"),
        ("a in 3", "column 6: expected '[', found '3'"),
        ("a in []", "column 7: expected a flag name or a value, found ']'"),
        ("1 < a in [2]", "column 7: in cannot be chained"),
        ("'open", 'column 1: cannot read "\'": the string is not closed'),
        ("2x", "column 1: a number runs into a name"),
        ("open('x')", "column 1: no function 'open'; there are abs, if, max, min"),
        ("abs(1, 2)", "column 1: abs takes one value"),
        ("max(1)", "column 1: max takes two or more values"),
        ("if(a, 1)", "column 1: if takes a condition and two values"),
        ("a.__class__ and b[0]", "column 18: expected an operator, found '['"),
        ("a.", "column 2: cannot read '.'"),
        ("lambda: 1", "column 7: cannot read ':'"),
        ("1e999", "column 1: the number is too large"),
        ("a ** 2", "column 4: expected a flag name or a value, found '*'"),
    ],
)
def test_it_says_where_it_cannot_read_on(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / (a - a)", "column 3: divides by zero"),
        ("1 // 0", "column 3: divides by zero"),
        ("1 % 0", "column 3: divides by zero"),
        ("1e308 * 10", "column 7: the result is too large"),
        ("missing > 1", "column 1: 'missing' has no value"),
        ("s + 1", "column 3: + needs numbers, not 'text'"),
        ("t * 2", "column 3: * needs numbers, not true"),
        ("s < 1", "column 3: < needs numbers, not 'text'"),
        ('s < "z"', "column 3: < does not order strings"),
        ("t < 1", "column 3: < needs numbers, not true"),
        ("-s", "column 1: - needs numbers, not 'text'"),
        ("a and t", "and needs true or false, not 1"),
        ("if(a, 1, 2)", "if needs true or false, not 1"),
        ("not s", "not needs true or false, not 'text'"),
    ],
)
def test_it_says_what_it_cannot_evaluate(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(text).evaluate({"a": 1, "s": "text", "t": True})
    assert str(caught.value) == message


def test_it_refuses_a_constraint_without_a_truth_value() -> None:
    with pytest.raises(ExpressionError, match="gives 3, not true or false"):
        Constraint.parse("1 + 2").holds({})


def test_it_bounds_length_and_depth() -> None:
    with pytest.raises(ExpressionError, match=f"longer than {MAX_LENGTH}"):
        Expression.parse("1 + " * 200 + "1")
    for text in ("(" * 200 + "1", "-" * 200 + "1", "not " * 120 + "true", "abs(" * 100 + "1"):
        with pytest.raises(ExpressionError, match="nested deeper"):
            Expression.parse(text)
    assert Expression.parse("(" * 20 + "1" + ")" * 20).evaluate({}) == 1
