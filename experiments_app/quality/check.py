"""The phase of an attempt in which its answers are compared with the default's.

It comes after the warm-up and before what is measured. What goes wrong with an answer is kept and
told; it never ends the experiment.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from experiments_app.attempt_context import AttemptContext
from experiments_app.engines import RunningServer
from experiments_app.launch_plan import LaunchPlan
from experiments_app.models import Experiment
from experiments_app.quality import verdict
from experiments_app.quality.answers import (
    Answer,
    Prompt,
    answers_hash,
    prompts,
    prompts_hash,
)
from experiments_app.quality.asking import Asked, Asking
from experiments_app.quality.comparing import Comparison, Tokenize, compare
from tasks_app.spec import TaskSpec

LIMIT_S = 300.0
LIMIT_SHARE = 0.25
"""Of the time that the experiment has left."""


def check_answers(context: AttemptContext, plan: LaunchPlan, server: RunningServer) -> None:
    """Ask, compare, and write the experiment's `quality`. Raises what says not to go on."""
    context.enter("comparing_answers")
    wish = context.spec.quality
    asked_for = prompts()[: wish.prompts]
    asking = Asking(
        plan.base_url,
        plan.served_model_name,
        max_tokens=wish.max_tokens,
        seed=context.spec.optimization.seed,
        additional_params=context.spec.benchmark.additional_params,
        should_stop=lambda: context.check(server),
    )
    limit_s = min(LIMIT_S, LIMIT_SHARE * context.time_left_s())
    asked = asking.ask(asked_for, limit_s)
    tokenize = tokenizer_of(plan.tokenizer)
    if context.experiment.is_baseline:
        again = asking.ask(asked_for, limit_s)
        quality = reference_data(asked, again, tokenize)
    else:
        quality = _compared_data(context.experiment, asked, asked_for, context.spec, tokenize)
    quality |= settings_data(asked_for, context.spec)
    context.experiment.write(context.claim.token, quality=_masked(quality, context))
    context.log(f"answers: {verdict.in_words(quality) or 'none to compare'}")


def settings_data(asked_for: tuple[Prompt, ...], spec: TaskSpec) -> dict[str, Any]:
    """What was asked: answers are comparable where all of it is the same."""
    return {
        "prompts": len(asked_for),
        "prompts_sha256": prompts_hash(asked_for),
        "max_tokens": spec.quality.max_tokens,
        "seed": spec.optimization.seed,
    }


def reference_data(asked: Asked, again: Asked, tokenize: Tokenize) -> dict[str, Any]:
    """Of the default: its answers, and how far it agrees with itself when it is asked again."""
    comparison = compare(asked.answers, again.answers, tokenize)
    return {
        **_figures(comparison, asked),
        "seconds": round(asked.seconds + again.seconds, 2),
        "is_reference": True,
        "noise": comparison.figures(),
        "reference_sha256": answers_hash(asked.answers),
        "answers": [answer.to_data() for answer in asked.answers],
    }


def compared_data(reference: dict[str, Any], asked: Asked, tokenize: Tokenize) -> dict[str, Any]:
    """`reference`: what `reference_data` gave of the default."""
    theirs = [Answer.from_data(data) for data in reference["answers"]]
    comparison = compare(theirs, asked.answers, tokenize)
    return {
        **_figures(comparison, asked),
        "is_reference": False,
        "noise": reference["noise"],
        "reference_sha256": reference["reference_sha256"],
        "answers": comparison.to_data(),
    }


def _compared_data(
    experiment: Experiment,
    asked: Asked,
    asked_for: tuple[Prompt, ...],
    spec: TaskSpec,
    tokenize: Tokenize,
) -> dict[str, Any]:
    of_run = Experiment.objects.of_run(experiment.task, experiment.run)
    baseline = of_run.filter(number=0).first()
    reference = baseline.quality if baseline else {}
    same = settings_data(asked_for, spec).items() <= reference.items()
    if not reference.get("is_reference") or not same:
        return _without_reference(asked, "the default's answers are not known")
    return compared_data(reference, asked, tokenize)


def _without_reference(asked: Asked, why: str) -> dict[str, Any]:
    nothing = Comparison((), "")
    return {**_figures(nothing, asked), "is_reference": False, "error": why, "answers": []}


def _figures(comparison: Comparison, asked: Asked) -> dict[str, Any]:
    error = asked.first_error
    if asked.is_cut_short and not error:
        error = f"the time for it was up after {len(asked.answers)} answers"
    return {
        **comparison.figures(),
        "compared": len(comparison.compared),
        "failed": asked.failed,
        "error": error,
        "tokens_from": comparison.tokens_from,
        "seconds": round(asked.seconds, 2),
    }


def tokenizer_of(folder: str) -> Tokenize:
    """The task's tokenizer; the words of a text where it has no file that is read quickly."""
    file = Path(folder) / "tokenizer.json"
    if not file.is_file():
        return str.split
    tokenizer = _load(file, file.stat().st_mtime_ns)

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return tokenize


@lru_cache(maxsize=2)
def _load(file: Path, _modified_ns: int) -> Any:
    return Tokenizer.from_file(str(file))


def _masked(quality: dict[str, Any], context: AttemptContext) -> dict[str, Any]:
    """An engine may repeat a secret in its error."""
    answers = [one | {"error": context.masked(one["error"])} for one in quality["answers"]]
    return quality | {"error": context.masked(quality["error"]), "answers": answers}
