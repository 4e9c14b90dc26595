"""A run as Markdown for a pull request: the verdict first, then what it rests on."""

import shlex
from collections.abc import Iterator, Sequence

from experiments_app import words
from experiments_app.ci.gates import Finding, Gate
from experiments_app.ci.markdown import block, code, details, plain, table
from experiments_app.ci.outcome import Outcome, Tried
from experiments_app.ci.regression import Change, change_in_words
from tasks_app.taskfile import dump_document

SIGNS = {Finding.PASSED: "✅", Finding.FAILED: "❌", Finding.CANNOT_TELL: "⚠️"}
METRICS = {
    "output_tokens_per_s": "output tokens/s",
    "ttft_p99_s": "TTFT p99 in s",
    "tpot_mean_s": "TPOT mean in s",
    "e2e_p99_s": "E2E p99 in s",
}
MOST_FAILURES = 20
MOST_LEVELS = 30
LONGEST_FILE = 20_000


def markdown_summary(
    outcome: Outcome,
    gates: Sequence[Gate],
    change: Change | None,
    *,
    message: str,
    strict: bool,
    reproduce: str,
) -> str:
    """`message`: why the task failed; `reproduce`: the command that does the run again."""
    parts = [
        f"## {_sign(outcome, gates, strict=strict)} Autotuner: {code(outcome.task)}",
        f"**{plain(words.capital(_verdict(outcome, message)))}**",
    ]
    if gates:
        rows = ([plain(g.name), f"{SIGNS[g.finding]} {g.finding}", plain(g.why)] for g in gates)
        parts.append(table(["gate", "outcome", "why"], rows))
    parts += [*_answer(outcome, change), *_compared(change), *_failures(outcome)]
    parts += _again(outcome, reproduce)
    return "\n\n".join(parts) + "\n"


def _sign(outcome: Outcome, gates: Sequence[Gate], *, strict: bool) -> str:
    if not outcome.has_completed or any(gate.fails(strict=strict) for gate in gates):
        return SIGNS[Finding.FAILED]
    if any(gate.finding is Finding.CANNOT_TELL for gate in gates):
        return SIGNS[Finding.CANNOT_TELL]
    return SIGNS[Finding.PASSED]


def _verdict(outcome: Outcome, message: str) -> str:
    if outcome.has_completed:
        return outcome.verdict
    told = f"the task is {outcome.status}"
    return f"{told}: {message}" if message else told


def _answer(outcome: Outcome, change: Change | None) -> Iterator[str]:
    """The best beside the default, and beside the answer of the stored run."""
    columns = [("default", outcome.baseline, outcome)]
    if outcome.best is not None and outcome.best.number:
        columns.append((f"best: experiment {outcome.best.number}", outcome.best, outcome))
    if change is not None and change.stored.outcome.best is not None:
        stored = change.stored
        columns.append((f"{plain(stored.name)}: best", stored.outcome.best, stored.outcome))
    shown = [(title, tried, of) for title, tried, of in columns if tried is not None]
    if not shown:
        return
    rows = [["score", *(_score(tried, of) for _, tried, of in shown)]]
    if outcome.gain is not None and outcome.best is not None and outcome.best.number:
        gain = words.percent(outcome.gain)
        if outcome.gain_ci95:
            gain += f" (95%: {words.interval(outcome.gain_ci95)})"
        cells = {"default": "", f"best: experiment {outcome.best.number}": gain}
        rows.append(["gain", *(cells.get(title, "") for title, _, _ in shown)])
    names = dict.fromkeys(name for _, tried, _ in shown for name in tried.parameters)
    rows += [[code(name), *(_flag(tried, name) for _, tried, _ in shown)] for name in names]
    yield table(["", *(title for title, _, _ in shown)], rows)
    if outcome.best is not None and outcome.best.number:
        yield from _levels(outcome, outcome.best)
        command = outcome.best.command
        told = command if isinstance(command, str) else shlex.join(command)
        if told:
            yield details("The command of the best", block(told, "sh"))


def _levels(outcome: Outcome, best: Tried) -> Iterator[str]:
    default = _figures(outcome.baseline) if outcome.baseline else {}
    rows = []
    for place, figures in list(_figures(best).items())[:MOST_LEVELS]:
        for name, title in METRICS.items():
            now, was = figures.get(name), default.get(place, {}).get(name)
            if now is None:
                continue
            change = words.percent(now / was - 1) if was else ""
            load = f"{place[0]} at concurrency {place[1]}"
            told = "" if was is None else words.number(was)
            rows.append([plain(load), title, told, words.number(now), change])
    if rows:
        head = ["load", "", "default", f"experiment {best.number}", "change"]
        yield details("At each load", table(head, rows))


def _figures(tried: Tried) -> dict[tuple[str, int], dict[str, float]]:
    """Means over what counts, by scenario and concurrency."""
    found: dict[tuple[str, int], dict[str, list[float]]] = {}
    for row in tried.measurements:
        if not row.get("counts", True):
            continue
        level = found.setdefault((str(row.get("scenario")), int(row.get("concurrency") or 0)), {})
        for name in METRICS:
            if isinstance(row.get(name), int | float):
                level.setdefault(name, []).append(float(row[name]))
    return {
        place: {name: sum(values) / len(values) for name, values in level.items()}
        for place, level in found.items()
    }


def _compared(change: Change | None) -> Iterator[str]:
    if change is None:
        return
    stored = change.stored
    yield f"### Compared with {plain(stored.name)}"
    if change.obstacle:
        yield f"It answers another question: {plain(change.obstacle)}."
        return
    lines = []
    if change.best is not None:
        lines.append(f"The answer's score: {plain(change_in_words(change.best))}.")
    if change.default is not None:
        lines.append(f"The default's score: {plain(change_in_words(change.default))}.")
    if change.unknown:
        lines.append(f"{plain(words.capital(change.unknown))}.")
    lines.append(
        "The interval knows how much starts of the server differ within each run, not what changed"
        " on the machine between them."
    )
    yield " ".join(lines)
    if change.notes:
        yield "Not the same:\n\n" + "\n".join(f"- {plain(note)}" for note in change.notes)


def _failures(outcome: Outcome) -> Iterator[str]:
    failed = [tried for tried in outcome.experiments if tried.status == "failed"]
    if not failed:
        return
    rows = [
        [
            str(tried.number) if tried.number else "default",
            _flags(tried),
            plain(words.cause(tried.error_kind or ""), 60),
            code((tried.error or "").split("\n", 1)[0], 300),
        ]
        for tried in failed[:MOST_FAILURES]
    ]
    more = len(failed) - MOST_FAILURES
    told = table(["experiment", "flags", "cause", "error"], rows)
    if more > 0:
        told += f"\n\n{more} more failed."
    yield details(f"{len(failed)} of {len(outcome.experiments)} experiments failed", told)


def _again(outcome: Outcome, reproduce: str) -> Iterator[str]:
    yield "### Do it again"
    yield block(reproduce, "sh")
    circumstances = list(outcome.circumstances.items())
    if circumstances:
        rows = [[plain(name), plain(text, 200)] for name, text in circumstances]
        yield details("What it was measured with", table(["", ""], rows))
    document = dump_document(outcome.spec)
    if len(document) <= LONGEST_FILE:
        yield details("The task file", block(document, "yaml"))


def _score(tried: Tried, outcome: Outcome) -> str:
    if tried.objective_score is None:
        return plain("misses the SLO" if tried.feasible is False else tried.status)
    told = words.score(tried.objective_score, outcome.objective)
    if interval := outcome.score_ci95(tried.number):
        low, high = interval
        told += f" (95%: {words.number(low)} to {words.number(high)})"
    return told


def _flag(tried: Tried, name: str) -> str:
    return code(words.flag_value(tried.parameters[name])) if name in tried.parameters else ""


def _flags(tried: Tried) -> str:
    return " ".join(
        code(f"{name}={words.flag_value(value)}", 100) for name, value in tried.parameters.items()
    )
