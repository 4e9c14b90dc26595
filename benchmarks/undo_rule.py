"""How often the undo test leaves a flag out, by what the flag is really worth. Simulated:

    .venv/bin/python -m benchmarks.undo_rule [--trials 1000] [--drift SHARE]

The winner is better than the default by 30 %; without the flag it loses what the column says. Each
is measured so often, with normal noise of so much from start to start, and the winner as often
once more, beside the one without the flag; the product's own rule decides. `--drift 0.05`: the
machine is 5 % slower by then.
"""

import argparse
import math
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

import numpy as np  # noqa: E402

from experiments_app.differences import Comparison, Reading  # noqa: E402
from experiments_app.final_undo import beside, is_as_good  # noqa: E402

DEFAULT, WINNER = 0, 1
LOSSES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)
NOISES = (0.01, 0.02, 0.04)
TIMES = (2, 3)
GAIN = 0.3


def left_out(loss: float, sd: float, times: int, trials: int, drift: float = 0.0) -> float:
    """The share of trials in which the flag is left out."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(trials):
        noise = rng.normal(0, sd, (4, times))
        gain, later = math.log1p(GAIN), math.log1p(GAIN) + math.log1p(-drift)
        truth = (0.0, gain, later, later + math.log1p(-loss))
        default, winner, beside_it, without = noise + np.array(truth)[:, None]
        readings = [
            Reading(number, at, float(value))
            for number, values in ((DEFAULT, default), (WINNER, winner))
            for at, value in enumerate(values)
        ]
        comparison = Comparison(readings)
        pairs = list(zip(map(float, without), map(float, beside_it), strict=True))
        over_winner, over_default = (
            beside(pairs, other, WINNER, comparison) for other in (WINNER, DEFAULT)
        )
        found += is_as_good(over_winner, over_default)
    return found / trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--drift", type=float, default=0.0)
    asked = parser.parse_args()
    heads = ["noise", "times", *(f"{loss:.0%}" for loss in LOSSES)]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for sd in NOISES:
        for times in TIMES:
            found = (left_out(loss, sd, times, asked.trials, asked.drift) for loss in LOSSES)
            shares = (f"{share:.0%}" for share in found)
            print("| " + " | ".join([f"{sd:.0%}", str(times), *shares]) + " |", flush=True)


if __name__ == "__main__":
    main()
