"""A run as JUnit XML: a test case for each experiment, and one for each gate.

Of the dialects of that format this keeps to what all readers take: the elements and attributes of
Ant's own report, in its order, nothing inside a test case but why it failed or was left out.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from experiments_app import words
from experiments_app.ci.gates import Finding, Gate
from experiments_app.ci.outcome import Outcome, Tried

# What no XML 1.0 may hold, escaped or not.
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LONGEST_MESSAGE = 300
LONGEST_TEXT = 20_000


def junit(
    outcome: Outcome, gates: Sequence[Gate], *, message: str, strict: bool, at: datetime
) -> str:
    """`message`: why the task failed; `at`: when it was begun."""
    root = ET.Element("testsuites")
    cases = [_experiment(outcome, tried) for tried in outcome.experiments]
    cases += [_task(outcome, message), *(_gate(outcome, gate, strict=strict) for gate in gates)]
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "id": "0",
            "package": "autotuner",
            "name": _text(f"{outcome.task} run {outcome.run}"),
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": _text(outcome.site or "unknown"),
            "tests": str(len(cases)),
            "failures": str(_count(cases, "failure")),
            "errors": "0",
            "skipped": str(_count(cases, "skipped")),
            "time": _seconds(sum(tried.took_s for tried in outcome.experiments)),
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(outcome):
        ET.SubElement(properties, "property", {"name": name, "value": _text(value)})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = _text(_told(outcome, gates))
    ET.SubElement(suite, "system-err")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _experiment(outcome: Outcome, tried: Tried) -> ET.Element:
    case = _case(outcome, "experiments", _name(tried), tried.took_s)
    if tried.status == "failed":
        _failed(case, tried.error_kind or "error", tried.error or "no cause is known")
    elif tried.status != "success":
        ET.SubElement(case, "skipped", {"message": _short(tried.error or tried.status)})
    return case


def _task(outcome: Outcome, message: str) -> ET.Element:
    case = _case(outcome, "gates", "the task completes", 0.0)
    if not outcome.has_completed:
        _failed(case, outcome.status, message or f"the task is {outcome.status}")
    return case


def _gate(outcome: Outcome, gate: Gate, *, strict: bool) -> ET.Element:
    case = _case(outcome, "gates", gate.name, 0.0)
    if gate.fails(strict=strict):
        _failed(case, gate.finding, gate.why)
    elif gate.finding is Finding.CANNOT_TELL:
        ET.SubElement(case, "skipped", {"message": _short(f"cannot tell: {gate.why}")})
    return case


def _case(outcome: Outcome, group: str, name: str, seconds: float) -> ET.Element:
    owner = f"{outcome.task.replace('.', '_')}.{group}"  # a dot is a package to its readers
    return ET.Element(
        "testcase", {"classname": _text(owner), "name": _short(name), "time": _seconds(seconds)}
    )


def _failed(case: ET.Element, kind: str, cause: str) -> None:
    failure = ET.SubElement(case, "failure", {"message": _short(cause), "type": _text(kind)})
    failure.text = _text(cause[:LONGEST_TEXT])


def _name(tried: Tried) -> str:
    flags = (f"{name}={words.flag_value(value)}" for name, value in tried.parameters.items())
    return " ".join([f"#{tried.number}" if tried.number else "baseline", *flags])


def _properties(outcome: Outcome) -> list[tuple[str, str]]:
    best, told = outcome.best, [("status", outcome.status), ("objective", outcome.objective)]
    if best is not None:
        told += [("best", str(best.number)), ("best_score", str(best.objective_score))]
    if outcome.gain is not None:
        told.append(("gain", str(outcome.gain)))
    if outcome.gain_ci95:
        told.append(("gain_ci95", " ".join(map(str, outcome.gain_ci95))))
    return told


def _told(outcome: Outcome, gates: Sequence[Gate]) -> str:
    missed = [f"{tried.name} misses the SLO" for tried in outcome.experiments if _missed(tried)]
    judged = [f"{gate.name}: {gate.finding}: {gate.why}" for gate in gates]
    return "\n".join([outcome.verdict, *judged, *missed])


def _missed(tried: Tried) -> bool:
    return tried.status == "success" and tried.feasible is False


def _count(cases: Sequence[ET.Element], what: str) -> int:
    return sum(case.find(what) is not None for case in cases)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _short(text: str) -> str:
    line = " ".join(_text(text).split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


def _text(text: str) -> str:
    return NOT_IN_XML.sub("�", text)
