"""Made-up tables to judge search strategies by, so that none is fitted to the measured ones.

Nothing here was measured. Each family has a property that real spaces have: an interior optimum,
crashes beyond a border, flags that only act together, a trend opposite to the usual one, noise …
A family is drawn anew for each seed: other effects, other cells, other noise.
"""

import itertools
import math
import random
from collections.abc import Callable, Mapping
from typing import Any

Flags = Mapping[str, Any]
Strength = Callable[[Flags], float]
"""Log of the peak rate of a configuration; -inf: it crashes."""

LEVELS = (4, 16, 64, 256)
INTEGERS = {
    "num-workers": list(range(1, 16)),
    "queue-depth": list(range(1, 8)),
    "block-size": [8, 16, 32, 64, 128],
}


def families(seed: int) -> dict[str, dict[str, Any]]:
    """A table of each family, in the format of the replay tables."""
    return {name: make(name, random.Random(f"{name}/{seed}")) for name in _FAMILIES}


def make(name: str, rng: random.Random) -> dict[str, Any]:
    return _FAMILIES[name](name, rng)


def _bump(rng: random.Random, width: float, lowest: float = 0.0, highest: float = 1.0) -> Any:
    peak, height = rng.uniform(lowest, highest), rng.uniform(0.3, 1.0)
    return lambda position: -height * ((position - peak) / width) ** 2


def _place(parameters: Mapping[str, list[Any]], flags: Flags, name: str) -> float:
    values = parameters[name]
    return values.index(flags[name]) / max(1, len(values) - 1)


def _table(
    name: str,
    rng: random.Random,
    parameters: Mapping[str, list[Any]],
    strength: Strength,
    *,
    cells: int | None = None,
    levels: tuple[int, ...] = (64,),
    noise: float = 0.0,
    repeats: int = 1,
    slo_s: float | None = None,
    objective: str = "maximize_throughput",
) -> dict[str, Any]:
    product = [
        dict(zip(parameters, v, strict=True)) for v in itertools.product(*parameters.values())
    ]
    chosen = rng.sample(product, min(cells or len(product), len(product)))
    experiments: list[dict[str, Any]] = []
    for flags in chosen:
        peak = strength(flags)
        if peak == -math.inf:
            experiments.append({"parameters": flags, "measurements": [], "status": "failed"})
            continue
        rows = [
            _row(math.exp(peak + rng.gauss(0, noise)), level)
            for level in levels
            for _ in range(repeats)
        ]
        experiments.append({"parameters": flags, "measurements": rows})
    latency = objective.startswith("minimize_")
    return {
        "name": name,
        "source": "made up",
        "licence": "Apache-2.0",
        "objective": objective,
        "metric": "e2e_mean_s" if latency else "output_tokens_per_s",
        "slo": {} if slo_s is None else {"tpot_mean_s": slo_s},
        "parameters": dict(parameters),
        "experiments": experiments,
    }


def _row(peak: float, concurrency: int) -> dict[str, float]:
    """A server that saturates: its rate is `peak` for endless load."""
    rate = peak * concurrency / (concurrency + 40)
    return {
        "concurrency": concurrency,
        "output_tokens_per_s": rate,
        "tpot_mean_s": concurrency / rate,
        "e2e_mean_s": 100 * concurrency / rate,
    }


def _integers(name: str, rng: random.Random) -> dict[str, Any]:
    """525 cells of whole-number knobs, 85 of them measured, noisy repeats, one load."""
    bumps = {n: _bump(rng, rng.uniform(0.4, 1.0)) for n in INTEGERS}

    def strength(flags: Flags) -> float:
        return float(7 + sum(bumps[n](_place(INTEGERS, flags, n)) for n in INTEGERS))

    return _table(name, rng, INTEGERS, strength, cells=85, noise=0.03, repeats=3)


def _ridge(name: str, rng: random.Random) -> dict[str, Any]:
    """Two knobs whose best values depend on each other."""
    slope, side = rng.uniform(0.5, 1.5), _bump(rng, 0.8)

    def strength(flags: Flags) -> float:
        a, b, c = (_place(INTEGERS, flags, n) for n in INTEGERS)
        return float(7 - 2 * (b - slope * a) ** 2 + 0.5 * a + side(c))

    return _table(name, rng, INTEGERS, strength, cells=80, noise=0.02, repeats=2)


def _memory(name: str, rng: random.Random) -> dict[str, Any]:
    """More memory and more slots are better until the server crashes."""
    parameters: dict[str, list[Any]] = {
        "mem-fraction-static": [0.7, 0.75, 0.8, 0.85, 0.9, 0.95],
        "max-running-requests": [16, 32, 64, 128, 256],
        "chunked-prefill-size": [512, 1024, 2048, 4096, 8192],
    }
    limit, chunk = rng.uniform(1.4, 2.2), _bump(rng, 0.7)
    gain, slots = rng.uniform(0.2, 0.8), rng.uniform(0.3, 1.2)

    def strength(flags: Flags) -> float:
        memory, running, prefill = (_place(parameters, flags, n) for n in parameters)
        if memory + running + 0.5 * prefill > limit:
            return -math.inf
        return float(7 + gain * memory + slots * running + chunk(prefill))

    return _table(name, rng, parameters, strength, cells=90, levels=LEVELS, noise=0.01)


def _switches(name: str, rng: random.Random) -> dict[str, Any]:
    """Ten switches and kinds, a few of them matter, two only together."""
    parameters: dict[str, list[Any]] = {f"enable-{n}": [True, False] for n in "abcdefg"}
    parameters |= {f"{n}-backend": ["one", "two", "three"] for n in "xyz"}
    effect = {
        (n, str(v)): rng.choice([0, 0, 0, 0.1, 0.3]) * rng.gauss(0, 1)
        for n, values in parameters.items()
        for v in values
    }
    first, second = rng.sample(list(parameters), 2)
    both = {n: rng.choice(parameters[n]) for n in (first, second)}

    def strength(flags: Flags) -> float:
        together = all(flags[n] == v for n, v in both.items())
        return 7 + sum(effect[n, str(v)] for n, v in flags.items()) + 0.3 * together

    return _table(name, rng, parameters, strength, cells=85, noise=0.02, repeats=3)


def _latency(name: str, rng: random.Random) -> dict[str, Any]:
    """Latency over several loads, more devices are better."""
    parameters: dict[str, list[Any]] = {
        "tensor-parallel-size": [1, 2, 4, 8],
        "max-num-seqs": [32, 64, 128, 256],
        "block-size": [8, 16, 32],
        "enable-prefix-caching": [True, False],
    }
    devices, cache = rng.uniform(0.1, 0.7), rng.uniform(-0.2, 0.2)
    sequences, block = _bump(rng, 0.8), _bump(rng, 1.5)

    def strength(flags: Flags) -> float:
        return float(
            6
            + devices * math.log2(flags["tensor-parallel-size"])
            + sequences(_place(parameters, flags, "max-num-seqs"))
            + block(_place(parameters, flags, "block-size"))
            + cache * flags["enable-prefix-caching"]
        )

    return _table(
        name, rng, parameters, strength, levels=LEVELS, noise=0.02, objective="minimize_latency"
    )


def _reversed(name: str, rng: random.Random) -> dict[str, Any]:
    """More devices give more per device, more bits are faster: against all expectation."""
    parameters: dict[str, list[Any]] = {
        "tp-size": [1, 2, 4, 8],
        "dp-size": [1, 2, 4],
        "quantization": ["fp8", "bf16", "int4"],
        "attention-backend": ["triton", "flashinfer", "fa3"],
    }
    devices, bits = rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.5)
    backend = {n: rng.gauss(0, 0.3) for n in parameters["attention-backend"]}

    def strength(flags: Flags) -> float:
        return float(
            6
            + devices * math.log2(flags["tp-size"] * flags["dp-size"])
            + bits * {"int4": 2, "fp8": 3, "bf16": 4}[flags["quantization"]]
            + backend[flags["attention-backend"]]
        )

    return _table(name, rng, parameters, strength, cells=60, levels=LEVELS, noise=0.02, slo_s=0.15)


def _parallel(name: str, rng: random.Random) -> dict[str, Any]:
    """The usual trade between devices and the SLO, with an SLO that some cannot hold."""
    parameters: dict[str, list[Any]] = {
        "tp-size": [1, 2, 4, 8],
        "quantization": ["fp8", "bf16", "int4"],
        "attention-backend": ["triton", "flashinfer", "fa3"],
        "max-running-requests": [32, 64, 128, 256],
    }
    devices, bits = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.4)
    backend = {n: rng.gauss(0, 0.2) for n in parameters["attention-backend"]}
    running = _bump(rng, 0.7)

    def strength(flags: Flags) -> float:
        return float(
            7
            - devices * math.log2(flags["tp-size"])
            - bits * {"int4": 2, "fp8": 3, "bf16": 4}[flags["quantization"]]
            + backend[flags["attention-backend"]]
            + running(_place(parameters, flags, "max-running-requests"))
        )

    return _table(name, rng, parameters, strength, cells=80, levels=LEVELS, noise=0.02, slo_s=0.3)


def _threads(name: str, rng: random.Random) -> dict[str, Any]:
    """A CPU engine: rises until the cores are used, falls beyond."""
    parameters: dict[str, list[Any]] = {
        "threads": list(range(1, 17)),
        "ubatch-size": [32, 64, 128, 256, 512, 1024],
        "parallel": [1, 2, 4, 8],
        "flash-attn": ["on", "off"],
        "cache-type-k": ["f16", "q8_0"],
    }
    cores, batch = rng.choice([4, 8, 12]), _bump(rng, 1.0, 0.3)
    slots, flash, cache = rng.uniform(0.1, 0.4), rng.gauss(0, 0.1), rng.gauss(0, 0.1)

    def strength(flags: Flags) -> float:
        over = max(0, flags["threads"] - cores)
        return float(
            5
            + math.log(min(flags["threads"], cores))
            - 0.1 * over
            + batch(_place(parameters, flags, "ubatch-size"))
            + slots * math.log2(flags["parallel"])
            + flash * (flags["flash-attn"] == "on")
            + cache * (flags["cache-type-k"] == "q8_0")
        )

    return _table(name, rng, parameters, strength, cells=150, noise=0.02, levels=(4, 16))


def _rugged(name: str, rng: random.Random) -> dict[str, Any]:
    """A sum of random waves: many local optima."""
    waves = [
        ([rng.gauss(0, 3) for _ in INTEGERS], rng.uniform(0, 6), rng.uniform(0, 0.3))
        for _ in range(8)
    ]

    def strength(flags: Flags) -> float:
        at = [_place(INTEGERS, flags, n) for n in INTEGERS]
        return 7 + sum(
            height * math.sin(phase + sum(w * x for w, x in zip(wave, at, strict=True)))
            for wave, phase, height in waves
        )

    return _table(name, rng, INTEGERS, strength, cells=90, noise=0.01)


def _flat(name: str, rng: random.Random) -> dict[str, Any]:
    """Nothing matters much: noise decides."""
    parameters: dict[str, list[Any]] = {"a": [1, 2, 4, 8], "b": [True, False], "c": ["x", "y", "z"]}
    effect = rng.gauss(0, 0.02)

    def strength(flags: Flags) -> float:
        return float(7 + effect * flags["b"])

    return _table(name, rng, parameters, strength, noise=0.04, repeats=3)


def _cliff(name: str, rng: random.Random) -> dict[str, Any]:
    """One category is far better, and only with it do the numbers matter."""
    parameters: dict[str, list[Any]] = {
        "scheduler": ["fcfs", "lpm", "random", "dfs"],
        "batch": [1, 2, 4, 8, 16, 32, 64],
        "window": [0, 1, 2, 3],
    }
    good, batch, window = rng.choice(parameters["scheduler"]), _bump(rng, 0.6), _bump(rng, 1.0)

    def strength(flags: Flags) -> float:
        if flags["scheduler"] != good:
            return 6 + 0.1 * _place(parameters, flags, "batch")
        return float(
            7
            + batch(_place(parameters, flags, "batch"))
            + window(_place(parameters, flags, "window"))
        )

    return _table(name, rng, parameters, strength, cells=90, noise=0.01)


def _corner(name: str, rng: random.Random) -> dict[str, Any]:
    """Every number acts in one direction: the best lies in a corner."""
    parameters: dict[str, list[Any]] = {
        n: [1, 2, 4, 8, 16] for n in ("alpha", "beta", "gamma", "delta")
    }
    slope = {n: rng.gauss(0, 0.3) for n in parameters}

    def strength(flags: Flags) -> float:
        return 7 + sum(s * math.log2(flags[n]) for n, s in slope.items())

    return _table(name, rng, parameters, strength, cells=85, noise=0.02, repeats=2)


_FAMILIES: Mapping[str, Callable[[str, random.Random], dict[str, Any]]] = {
    "integers": _integers,
    "ridge": _ridge,
    "memory": _memory,
    "switches": _switches,
    "latency": _latency,
    "reversed": _reversed,
    "parallel": _parallel,
    "threads": _threads,
    "rugged": _rugged,
    "flat": _flat,
    "cliff": _cliff,
    "corner": _corner,
}
