"""When the load client, and not the server, set the pace of a level.

Calibrated against a server of known pace by `python -m benchmarks.accuracy`, whose table stands in
docs/benchmarking.md: at most WRONG is what the limits allow the throughput to be low by.
"""

MAX_BUSY_SHARE = 0.4
"""Share of the time in which the client's event loop may be at work."""
MAX_LAG_SHARE = 0.03
"""Of the mean TTFT, by which an arrival may wait for the event loop, on average."""
WRONG = 0.01
"""By what share the throughput may be low at a level that is not flagged."""


def is_client_bound(*, busy_share: float, lag_s: float, mean_ttft_s: float | None) -> bool:
    """`mean_ttft_s`: None where nothing was answered; then nothing can be said."""
    if mean_ttft_s is None:
        return False
    return busy_share > MAX_BUSY_SHARE or lag_s > MAX_LAG_SHARE * mean_ttft_s
