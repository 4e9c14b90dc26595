"""What two load clients say of one load level, in the same units, and how well that agrees."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy import stats


@dataclass(frozen=True)
class Answer:
    """One answered request; times in seconds on the client's clock."""

    start_s: float
    first_token_s: float
    end_s: float
    tokens: int
    tpot_s: float = 0.0

    @property
    def ttft_s(self) -> float:
        return self.first_token_s - self.start_s

    def tokens_by(self, moment_s: float) -> float:
        """How many had come by then: the first at its time, the others evenly until the end."""
        if moment_s >= self.end_s:
            return self.tokens
        if moment_s < self.first_token_s or self.tokens < 1:
            return 0.0
        share = (moment_s - self.first_token_s) / (self.end_s - self.first_token_s)
        return 1 + (self.tokens - 1) * share


def after_the_first_wave(answers: Sequence[Answer]) -> list[Answer]:
    """Those begun once somebody had been answered: all users begin at once, and how near to each
    other those first requests come is a matter of the client."""
    first_end_s = min(answer.end_s for answer in answers)
    return [answer for answer in answers if answer.start_s >= first_end_s]


@dataclass(frozen=True)
class ClientFigures:
    """The means of one level, latencies without its first wave. `reported_…` is what the client
    itself calls by that name, where its definition is another one than ours."""

    output_tokens_per_s: float
    reported_output_tokens_per_s: float
    ttft_s: float
    tpot_s: float
    reported_tpot_s: float
    requests: int
    errors: int
    input_tokens: float
    output_tokens: float


def tokens_per_s(answers: Sequence[Answer], unfinished_starts_s: Iterable[float]) -> float:
    """Output tokens over the window of full load: from the first request's start to the first
    start of one that was never finished; without any of those to the last end."""
    began = min(answer.start_s for answer in answers)
    ended = min(unfinished_starts_s, default=max(answer.end_s for answer in answers))
    return sum(answer.tokens_by(ended) for answer in answers) / (ended - began)


@dataclass(frozen=True)
class Agreement:
    """One metric at one concurrency: theirs over ours. `ci95` is None below two rounds."""

    metric: str
    concurrency: int
    ours: float
    theirs: float
    ratio: float
    ci95: tuple[float, float] | None


def agreement(metric: str, concurrency: int, pairs: Sequence[tuple[float, float]]) -> Agreement:
    """Of the (ours, theirs) of each round: the geometric mean of the ratios, and Student's
    interval for it on the logarithms."""
    logs = [math.log(theirs / ours) for ours, theirs in pairs]
    middle = fmean(logs)
    interval = None
    if len(logs) > 1:
        half = stats.t.ppf(0.975, len(logs) - 1) * stdev(logs) / math.sqrt(len(logs))
        interval = (math.exp(middle - half), math.exp(middle + half))
    return Agreement(
        metric=metric,
        concurrency=concurrency,
        ours=fmean(ours for ours, _ in pairs),
        theirs=fmean(theirs for _, theirs in pairs),
        ratio=math.exp(middle),
        ci95=interval,
    )
