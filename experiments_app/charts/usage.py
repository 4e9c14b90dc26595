"""What a server used over time, as plain data for small charts."""

from collections.abc import Mapping
from dataclasses import dataclass

from experiments_app import words
from experiments_app.usage import CPU, GPU_MEMORY, GPU_PERCENT, GPU_POWER, MEMORY
from experiments_app.usage_file import Summary, Usage, Values

MOST_POINTS = 300
GIBIBYTE = 2**30


@dataclass(frozen=True)
class Quantity:
    """A column of the samples as it is shown: its values divided by `divisor`."""

    column: str
    title: str
    unit: str
    divisor: float = 1.0
    top: float | None = None


QUANTITIES = (
    Quantity(GPU_PERCENT, "GPU utilisation", "%", top=100.0),
    Quantity(GPU_MEMORY, "GPU memory", "GiB", GIBIBYTE),
    Quantity(GPU_POWER, "GPU power", "W"),
    Quantity(CPU, "Processor cores", "cores"),
    Quantity(MEMORY, "Memory", "GiB", GIBIBYTE),
)


@dataclass(frozen=True)
class Line:
    """One device; `name` is empty where there is only one."""

    name: str
    values: Values
    summary: Summary | None


@dataclass(frozen=True)
class UsagePanel:
    """One quantity over time. `measuring`: from and to, in seconds as `elapsed_s`."""

    title: str
    unit: str
    elapsed_s: tuple[float, ...]
    measuring: tuple[float, float] | None
    lines: tuple[Line, ...]
    top: float | None = None

    @property
    def description(self) -> str:
        """The chart in words, for those who cannot see it."""
        span = words.duration(self.elapsed_s[-1])
        told = [
            f"{line.name + ': ' if line.name else ''}"
            f"{words.number(line.summary.mean)} {self.unit} on average and at most"
            f" {words.number(line.summary.highest)}"
            for line in self.lines
            if line.summary
        ]
        if not told:
            return f"{self.title} over {span}; nothing has been measured yet."
        return f"{self.title} over {span}. While measuring, {'; '.join(told)}."


@dataclass(frozen=True)
class UsageRow:
    """The figures of one panel: the mean of its devices, and the highest of any."""

    title: str
    devices: int
    unit: str
    mean: float
    highest: float


def usage_panels(usage: Usage, names: Mapping[str, str]) -> tuple[UsagePanel, ...]:
    """One for each quantity that was sampled, those of GPUs first. `names`: by uuid."""
    if not usage.elapsed_s:
        return ()
    panels = (_panel(usage, names, quantity) for quantity in QUANTITIES)
    return tuple(panel for panel in panels if panel is not None)


def drawn_panels(panels: tuple[UsagePanel, ...]) -> tuple[UsagePanel, ...]:
    """Where there are GPUs, they are the picture; the host's part stands in the figures."""
    of_gpus = tuple(panel for panel in panels if panel.title.startswith("GPU"))
    return of_gpus or panels


def usage_rows(panels: tuple[UsagePanel, ...]) -> list[UsageRow]:
    rows = []
    for panel in panels:
        found = [line.summary for line in panel.lines if line.summary]
        if found:
            mean = sum(summary.mean for summary in found) / len(found)
            highest = max(summary.highest for summary in found)
            rows.append(UsageRow(panel.title, len(found), panel.unit, mean, highest))
    return rows


def _panel(usage: Usage, names: Mapping[str, str], quantity: Quantity) -> UsagePanel | None:
    column, divisor = quantity.column, quantity.divisor
    devices = usage.names(column)
    columns = [f"{column}:{device}" for device in devices] or [column]
    thin = usage.thinned(MOST_POINTS)
    lines = tuple(
        Line(
            names.get(device, device) if len(columns) > 1 else "",
            tuple(None if v is None else v / divisor for v in thin.columns[name]),
            _scaled(usage.summary(name), divisor),
        )
        for name, device in zip(columns, devices or [""], strict=True)
        if name in usage.columns
    )
    if not lines:
        return None
    return UsagePanel(
        quantity.title, quantity.unit, thin.elapsed_s, usage.measuring, lines, quantity.top
    )


def _scaled(summary: Summary | None, divisor: float) -> Summary | None:
    return Summary(summary.mean / divisor, summary.highest / divisor) if summary else None
