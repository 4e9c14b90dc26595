"""The mover: from a proposal between the candidates to the nearest of them."""

from collections.abc import Mapping, Sequence

from tasks_app.domains import Choices, Domain, same_value
from tasks_app.space import Configuration, Scalar


def nearest(
    wanted: Mapping[str, Scalar], candidates: Sequence[Configuration], domains: Mapping[str, Domain]
) -> Configuration:
    """The candidate with the smallest distance to `wanted`; the first of equals.

    The distance is the sum over the flags: 0 for the same value, 1 for another category, and where
    one of the two leaves the flag out; for
    numbers how far apart their ranks (listed) or values (a range) are, the whole domain being 1.
    """
    scales = {name: _Scale(domain) for name, domain in domains.items()}

    def distance(candidate: Configuration) -> float:
        return sum(
            scale.distance(wanted[name], candidate[name])
            if name in wanted and name in candidate
            else float((name in wanted) != (name in candidate))
            for name, scale in scales.items()
        )

    return min(candidates, key=distance)


class _Scale:
    def __init__(self, domain: Domain) -> None:
        self._ranks: Sequence[float] | None = None
        self._width = 0.0
        if not isinstance(domain, Choices):
            self._width = float(domain.high - domain.low)
        elif all(_is_number(option) for option in domain.options):
            self._ranks = sorted(float(option or 0) for option in domain.options)

    def distance(self, left: Scalar, right: Scalar) -> float:
        if same_value(left, right):
            return 0.0
        if not (_is_number(left) and _is_number(right)):
            return 1.0
        first, second = float(left or 0), float(right or 0)
        if self._ranks is not None:
            steps = abs(self._ranks.index(first) - self._ranks.index(second))
            return steps / max(1, len(self._ranks) - 1)
        return abs(first - second) / self._width if self._width else 1.0


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
