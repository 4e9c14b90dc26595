"""What a device costs, and from that what output tokens cost."""

from dataclasses import dataclass

from experiments_app.energy import POWERCAP, CpuCounter
from experiments_app.site_settings import value_of
from tasks_app.problems import Problem
from tasks_app.spec import TaskSpec
from tasks_app.spec_sections import OF_TOKENS


@dataclass(frozen=True)
class Price:
    """Of one device for an hour, in `currency`."""

    per_device_hour: float
    currency: str


def cost_of(price: Price | None, output_tokens_per_s: float, devices: int) -> float | None:
    """Of a million output tokens: price / 3600 x devices / (output tokens a second) x 1,000,000.

    All devices of the configuration are paid for, busy or not. None without a price, or where there
    is no output.
    """
    if price is None or output_tokens_per_s <= 0:
        return None
    return price.per_device_hour / 3600 * devices / output_tokens_per_s * 1e6


def price_of(spec: TaskSpec) -> Price | None:
    """The task's own, or else the site's; None where neither is set."""
    if spec.cost.price_per_device_hour is not None:
        return Price(spec.cost.price_per_device_hour, spec.cost.currency)
    price = value_of("PRICE_PER_DEVICE_HOUR")
    return Price(float(price), value_of("CURRENCY")) if price else None


def price_problems(spec: TaskSpec) -> list[Problem]:
    """An objective or a bound that needs a price, where there is none."""
    if not (places := places_of("cost", spec)) or price_of(spec) is not None:
        return []
    message = "needs the price of a device hour"
    hint = "set cost.price_per_device_hour, or PRICE_PER_DEVICE_HOUR for the whole site"
    return [Problem(place, message, hint) for place in places]


def energy_problems(spec: TaskSpec, gpus: int) -> list[Problem]:
    """An objective or a bound on energy, where CPUs are used that do not tell theirs. Whether GPUs
    do is found out when they are measured."""
    if not (places := places_of("energy", spec)) or gpus or CpuCounter()() is not None:
        return []
    message = "this machine does not tell what its CPUs take"
    hint = f"let this account read {POWERCAP}/intel-rapl:*/energy_uj"
    return [Problem(place, message, hint) for place in places]


def places_of(name: str, spec: TaskSpec) -> list[str]:
    """Where a task file uses `cost` or `energy` as objective or bound."""
    places = []
    if spec.optimization.objective == f"minimize_{name}" and not spec.optimization.objectives:
        places.append("optimization.objective")
    if name in (spec.optimization.objectives or ()):
        places.append("optimization.objectives")
    if OF_TOKENS[name] in spec.slo:
        places.append(f"slo.{OF_TOKENS[name]}")
    return places
