"""Reading what a UsageSampler wrote, whole lines only, for charts and figures."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from experiments_app.usage import FILE

MEASURING = "measuring"
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Summary:
    """One column over the measurement."""

    mean: float
    highest: float


@dataclass(frozen=True)
class Usage:
    """Samples in the order of time: `columns` has a value, or None, for each of `elapsed_s`."""

    elapsed_s: tuple[float, ...] = ()
    phases: tuple[str, ...] = ()
    columns: Mapping[str, Values] = field(default_factory=dict)

    @cached_property
    def measuring(self) -> tuple[float, float] | None:
        """When the measurement began and ended, or how far it is; None before it."""
        inside = [s for s, phase in zip(self.elapsed_s, self.phases, strict=True) if _is(phase)]
        return (inside[0], inside[-1]) if inside else None

    def summary(self, column: str) -> Summary | None:
        """None where nothing was sampled during the measurement."""
        values = [
            value
            for value, phase in zip(self.columns.get(column, ()), self.phases, strict=False)
            if value is not None and _is(phase)
        ]
        return Summary(sum(values) / len(values), max(values)) if values else None

    def names(self, column: str) -> list[str]:
        """The devices that have such a column, as `gpu_percent` of `gpu_percent:<uuid>`."""
        return [name.partition(":")[2] for name in self.columns if name.startswith(f"{column}:")]

    def settled(self) -> "Usage":
        """Without the newest samples, so that a picture that is followed changes now and then and
        not with every sample: drawing takes the processor time that is being measured (70 ms)."""
        count = len(self.elapsed_s)
        step = 10 if count < 120 else 30 if count < 600 else 60
        return self._first(count - count % step)

    def thinned(self, most: int) -> "Usage":
        """At most `most` samples: the mean of each few neighbours, which are of one phase."""
        count = len(self.elapsed_s)
        size = -(-count // max(most // 2, 1)) if count > most else 1
        if size == 1:
            return self
        groups: list[list[int]] = []
        for index in range(count):
            last = groups[-1] if groups else []
            if not last or len(last) >= size or self.phases[last[0]] != self.phases[index]:
                groups.append([])
            groups[-1].append(index)
        return Usage(
            tuple(self.elapsed_s[group[0]] for group in groups),
            tuple(self.phases[group[0]] for group in groups),
            {
                name: tuple(_mean([values[index] for index in group]) for group in groups)
                for name, values in self.columns.items()
            },
        )

    def _first(self, count: int) -> "Usage":
        columns = {name: values[:count] for name, values in self.columns.items()}
        return Usage(self.elapsed_s[:count], self.phases[:count], columns)


def read_usage(folder: Path) -> Usage:
    """Empty where nothing was sampled. A broken line is passed over."""
    path = folder / FILE
    try:
        return _read(path, path.stat().st_size)
    except OSError:
        return Usage()


@lru_cache(maxsize=32)
def _read(path: Path, size: int) -> Usage:
    """The first `size` bytes of the file."""
    with path.open("rb") as file:
        text = file.read(size).decode("utf-8", errors="replace")
    elapsed_s: list[float] = []
    phases: list[str] = []
    columns: dict[str, list[float | None]] = {}
    header: list[str] = []
    for cells in csv.reader(text[: text.rfind("\n") + 1].splitlines()):
        if cells[:2] == ["elapsed_s", "phase"]:
            header = cells[2:]
            for name in header:
                columns.setdefault(name, [None] * len(elapsed_s))
            continue
        sample = _sample(cells, header)
        if sample is None:
            continue
        elapsed_s.append(float(cells[0]))
        phases.append(cells[1])
        for name, values in columns.items():
            values.append(sample.get(name))
    return Usage(
        tuple(elapsed_s),
        tuple(phases),
        {name: tuple(values) for name, values in columns.items()},
    )


def _sample(cells: list[str], header: list[str]) -> dict[str, float] | None:
    if not header or len(cells) != len(header) + 2:
        return None
    try:
        numbers = [float(cell) for cell in (cells[0], *cells[2:]) if cell]
        values = {n: float(cell) for n, cell in zip(header, cells[2:], strict=True) if cell}
    except ValueError:
        return None
    return values if all(map(math.isfinite, numbers)) else None


def _is(phase: str) -> bool:
    return phase == MEASURING


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
