from tasks_app.masking import MASK
from tasks_app.spec_diff import Change, changes


def test_it_names_each_key_that_is_other() -> None:
    before = {"optimization": {"seed": 0, "strategy": "auto"}, "slo": {"ttft_p99_s": 0.5}}
    after = {"optimization": {"seed": 7, "strategy": "auto"}, "slo": {"tpot_mean_s": 0.1}}
    assert changes(before, after) == [
        Change("optimization.seed", "0", "7"),
        Change("slo.tpot_mean_s", None, "0.1"),
        Change("slo.ttft_p99_s", "0.5", None),
    ]


def test_a_range_is_one_value() -> None:
    before = {"parameters": {"threads": [1, 2]}}
    after = {"parameters": {"threads": {"low": 1, "high": 8, "log": True}}}
    found = changes(before, after)
    assert found == [Change("parameters.threads", "[1, 2]", '{"low": 1, "high": 8, "log": true}')]


def test_it_tells_one_from_true() -> None:
    found = changes({"fixed_parameters": {"poll": 1}}, {"fixed_parameters": {"poll": True}})
    assert found == [Change("fixed_parameters.poll", "1", "true")]


def test_it_finds_nothing_where_nothing_is_other() -> None:
    document = {"model": {"id_or_path": "a/b"}, "slo": {}, "constraints": ["threads > 1"]}
    assert changes(document, dict(document)) == []


def test_it_says_that_a_secret_changed_and_never_what_it_is() -> None:
    before = {"environment": {"HF_TOKEN": "one"}, "access": {"http_proxy": "http://u:one@proxy"}}
    after = {"environment": {"HF_TOKEN": "two"}, "access": {"http_proxy": "http://u:two@proxy"}}
    token, proxy = changes(before, after)
    assert (token.before, token.after, token.is_hidden) == (MASK, MASK, True)
    assert proxy.is_hidden
    assert "one" not in str(proxy)
    assert "two" not in str(proxy)


def test_a_new_secret_is_masked() -> None:
    (token,) = changes({}, {"environment": {"HF_TOKEN": "one"}})
    assert (token.before, token.after, token.is_hidden) == (None, MASK, False)
