"""How far greedy answers agree with the default's when flags change: what the bound rests on.

    nice .venv/bin/python -m benchmarks.quality_guard [--prompts 32] [--max-tokens 64] [--repeats 2]

On the llama.cpp server with the built-in model and one thread; some ten minutes, more on a machine
that has other work, which changes no answer. Each set of flags is started anew, asked the shipped
prompts one after the other by the product's own code, and compared with the first start of the
default. Three kinds of flags: none at all (the default again, as a server of its own: A/A), such as
leave the precision alone (a bound that these break is useless), and such as change it (a bound that
lets the coarsest through is none). `--model` takes any other model that the site knows.

The last lines say what a bound may be: above what the coarse flags reach, and not above what the
harmless ones do.
"""

import argparse
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from experiments_app.engines import ENGINES, Launch  # noqa: E402
from experiments_app.hub import fetch_tokenizer  # noqa: E402
from experiments_app.launch_plan import HOST, find_model, plan_launch  # noqa: E402
from experiments_app.quality.answers import Prompt, prompts  # noqa: E402
from experiments_app.quality.asking import Asked, Asking  # noqa: E402
from experiments_app.quality.check import tokenizer_of  # noqa: E402
from experiments_app.quality.comparing import Comparison, compare  # noqa: E402
from tasks_app.spec import TaskSpec  # noqa: E402
from tasks_app.spec_quality import Quality  # noqa: E402

Flags = Mapping[str, Any]
AGAIN, HARMLESS, COARSE, COARSEST = "default", "harmless", "8 bits", "4 bits"
SETS: tuple[tuple[str, Flags], ...] = (
    (AGAIN, {}),
    (HARMLESS, {"ubatch-size": 64}),
    (HARMLESS, {"ubatch-size": 8}),
    (HARMLESS, {"flash-attn": "off"}),
    (HARMLESS, {"threads": 2}),
    (COARSE, {"cache-type-k": "q8_0"}),
    (COARSE, {"cache-type-v": "q8_0"}),
    (COARSE, {"cache-type-k": "q8_0", "cache-type-v": "q8_0"}),
    (COARSEST, {"cache-type-k": "q4_0"}),
    (COARSEST, {"cache-type-v": "q4_0"}),
    (COARSEST, {"cache-type-k": "q4_0", "cache-type-v": "q4_0"}),
)
WAIT_S, ASK_S = 120.0, 900.0


@dataclass(frozen=True)
class Line:
    kind: str
    flags: Flags
    comparison: Comparison

    @property
    def agreement(self) -> float:
        return self.comparison.token_agreement or 0.0

    def cells(self) -> list[str]:
        told = " ".join(f"--{name} {value}" for name, value in self.flags.items())
        distance = self.comparison.logprob_distance
        spread = sorted(one.agreement for one in self.comparison.compared)
        return [
            self.kind,
            f"`{told}`" if told else "none",
            f"{self.agreement:.0%}",
            f"{spread[len(spread) // 4]:.0%} to {spread[3 * len(spread) // 4]:.0%}",
            f"{self.comparison.exact_match or 0.0:.0%}",
            "–" if distance is None else f"{distance:.3f}",
        ]


def specification(model: str) -> TaskSpec:
    return TaskSpec.from_data(
        {
            "task_name": "quality guard",
            "deployment_mode": "local",
            "base_runtime": "llamacpp",
            "model": {"id_or_path": model},
            "parameters": {"ubatch-size": [8, 512]},
            "fixed_parameters": {"threads": 1},
            "benchmark": {"traffic_scenarios": ["D(32,16)"], "num_concurrency": [1]},
        }
    )


def ask(spec: TaskSpec, flags: Flags, asked_for: Sequence[Prompt], max_tokens: int) -> Asked:
    """A server of its own, asked as an experiment's is."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    parameters = {**spec.fixed_parameters, **flags}
    planned = plan_launch(spec, parameters, find_model(spec), port)
    with tempfile.TemporaryDirectory() as folder:
        launch = Launch(
            command=planned.command,
            host=HOST,
            port=port,
            health_path=planned.health_path,
            served_model_name=planned.served_model_name,
            log_path=Path(folder) / "server.log",
            marker=f"quality_guard_{os.getpid()}:",
            environment=planned.environment,
        )
        with ENGINES[spec.deployment_mode]().start(launch) as server:
            server.wait_ready(WAIT_S, lambda: None)
            asking = Asking(
                planned.base_url,
                planned.served_model_name,
                max_tokens=max_tokens,
                seed=spec.optimization.seed,
                additional_params={},
                should_stop=server.check_alive,
            )
            asked = asking.ask(asked_for, ASK_S)
            server.stop()
    if asked.is_cut_short or asked.failed:
        raise RuntimeError(f"{dict(flags)}: {asked.first_error or 'not answered in time'}")
    return asked


def measure(args: argparse.Namespace) -> Iterator[Line]:
    spec = specification(args.model)
    asked_for = prompts()[: args.prompts]
    plan = plan_launch(spec, {}, find_model(spec), 1)
    tokenize = tokenizer_of(str(fetch_tokenizer(plan.tokenizer, {})))
    reference = ask(spec, {}, asked_for, args.max_tokens)
    for kind, flags in SETS:
        if args.only and kind not in args.only:
            continue
        for _ in range(args.repeats if kind == AGAIN else 1):
            asked = ask(spec, flags, asked_for, args.max_tokens)
            yield Line(kind, flags, compare(reference.answers, asked.answers, tokenize))


def bound_words(lines: Sequence[Line]) -> str:
    """Between what a bound may be set, and whether the default bound is there."""
    by_kind = {kind: [one.agreement for one in lines if one.kind == kind] for kind, _ in SETS}
    least = min(by_kind[AGAIN] + by_kind[HARMLESS])
    eight, four = by_kind[COARSE], by_kind[COARSEST]
    bound = Quality().min_token_agreement
    is_between = max(four) < bound <= least
    return (
        f"harmless flags agree in at least {least:.0%} of the tokens, 8 bits in {min(eight):.0%}"
        f" to {max(eight):.0%}, 4 bits in {min(four):.0%} to {max(four):.0%}\n"
        f"a bound from {max(four):.0%} to {least:.0%} parts 4 bits from what is harmless; the"
        f" default, {bound:.0%}, {'does' if is_between else 'does NOT'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--prompts", type=int, default=Quality().prompts)
    parser.add_argument("--max-tokens", type=int, default=Quality().max_tokens)
    parser.add_argument("--repeats", type=int, default=2, help="of the default")
    parser.add_argument("--only", nargs="*", choices=[AGAIN, HARMLESS, COARSE, COARSEST])
    args = parser.parse_args()
    heads = ("kind", "flags", "tokens that agree", "half of the prompts", "same answers", "nats")
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|", flush=True)
    lines = []
    for line in measure(args):
        lines.append(line)
        print("| " + " | ".join(line.cells()) + " |", flush=True)
    if not args.only:
        print(f"\n{bound_words(lines)}")


if __name__ == "__main__":
    main()
