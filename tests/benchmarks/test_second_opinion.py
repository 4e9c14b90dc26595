"""What is made of two clients' figures: pure functions, on figures whose answer is known."""

import pytest

from benchmarks.client_figures import Answer, after_the_first_wave, agreement, tokens_per_s
from benchmarks.guidellm_client import figures_of


def answer(start_s: float, *, ttft_s: float = 1.0, e2e_s: float = 5.0, tokens: int = 5) -> Answer:
    return Answer(start_s, start_s + ttft_s, start_s + e2e_s, tokens)


def test_it_counts_a_cut_answer_by_the_tokens_that_had_come() -> None:
    assert [answer(0.0).tokens_by(moment) for moment in (0.5, 1.0, 2.0, 3.0, 9.0)] == [
        0,
        1,
        2,
        3,
        5,
    ]


def test_it_takes_the_throughput_until_the_first_request_that_is_not_measured() -> None:
    answers = [answer(0.0), answer(5.0)]
    assert tokens_per_s(answers, [8.0, 9.0]) == pytest.approx((5 + 3) / 8)
    assert tokens_per_s(answers, []) == pytest.approx(10 / 10)


def test_it_leaves_out_what_all_users_begin_with() -> None:
    first, later = [answer(0.0), answer(0.1, e2e_s=9.0)], [answer(5.0), answer(9.1)]
    assert after_the_first_wave(first + later) == later


def test_it_gives_the_ratio_with_an_interval_over_the_rounds() -> None:
    found = agreement("TTFT", 4, [(1.0, 1.1), (2.0, 2.2), (4.0, 4.0)])
    assert found.ratio == pytest.approx(1.21 ** (1 / 3))
    assert found.ci95 is not None
    assert found.ci95[0] < 1.0 < 1.1 < found.ci95[1]


def test_it_gives_no_interval_for_one_round() -> None:
    assert agreement("TTFT", 4, [(1.0, 1.1)]).ci95 is None


def test_it_reads_guidellm_report_in_our_units_and_by_our_definitions() -> None:
    def request(start_s: float) -> dict[str, float]:
        return {
            "request_start_time": start_s,
            "request_end_time": start_s + 5.0,
            "time_to_first_token_ms": 1000.0 if start_s else 4000.0,
            "inter_token_latency_ms": 990.0 if start_s else 250.0,
            "output_tokens": 5,
        }

    means = {
        "output_tokens_per_second": 1.25,
        "time_per_output_token_ms": 1000.0,
        "prompt_token_count": 94.0,
        "output_token_count": 5.0,
    }
    figures = figures_of(
        {
            "metrics": {name: {"successful": {"mean": value}} for name, value in means.items()},
            "requests": {
                "successful": [request(0.0), request(5.0)],
                "incomplete": [request(8.0)],
                "errored": None,
            },
        }
    )
    assert (figures.ttft_s, figures.tpot_s, figures.reported_tpot_s) == (1.0, 0.99, 1.0)
    assert figures.output_tokens_per_s == pytest.approx((5 + 3) / 8)
    assert (figures.requests, figures.errors, figures.input_tokens) == (2, 0, 94.0)
