"""JUnit and Markdown of a run: valid, complete, and not to be broken by what a run holds."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest
from markdown_it import MarkdownIt

from experiments_app.ci.gates import Finding, Gate
from experiments_app.ci.junit import junit
from experiments_app.ci.markdown import block, code, plain, table
from experiments_app.ci.markdown_summary import markdown_summary
from experiments_app.ci.outcome import Outcome
from experiments_app.ci.regression import compare
from tests.experiments_app.ci.outcomes import data, experiment, outcome, stored

AT = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
HOSTILE = (
    "a | b",
    "a \\| b \\\\| c",
    "`x` ``y`` ```",
    "```\n## out of the block",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</details></table> &lt; &#35;3",
    "[click](javascript:alert(1)) ![i](http://x.example/i.png)",
    "#3 @everyone !7 %1 $x$ ~~s~~ **b** _i_",
    "two\nlines\r\nand | more\u2028and more",
    "\x00\x1b[31m\ud800\ufffe]]>",
    "=HYPERLINK()",
    "x" * 5_000,
)


def xml_of(one: Outcome, *gates: Gate, strict: bool = False, message: str = "") -> Element:
    text = junit(one, gates, message=message, strict=strict, at=AT)
    return ET.fromstring(text.encode())


def check_schema(root: Element) -> None:
    """What Ant's report and the readers of Jenkins, GitHub and GitLab have in common."""
    assert (root.tag, root.attrib) == ("testsuites", {})
    for suite in root:
        assert suite.tag == "testsuite"
        wanted = ["id", "package", "name", "timestamp", "hostname", "tests", "failures", "errors"]
        assert list(suite.attrib) == [*wanted, "skipped", "time"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        order = [child.tag for child in suite]
        cases = order.count("testcase")
        assert order == ["properties", *["testcase"] * cases, "system-out", "system-err"]
        assert int(suite.attrib["tests"]) == cases
        for what in ("failure", "error", "skipped"):
            count = int(suite.attrib[{"failure": "failures", "error": "errors"}.get(what, what)])
            assert count == len(suite.findall(f"testcase/{what}"))
        for one in suite.findall("properties/property"):
            assert list(one.attrib) == ["name", "value"]
        for case in suite.findall("testcase"):
            assert list(case.attrib) == ["classname", "name", "time"]
            assert case.attrib["name"]
            assert float(case.attrib["time"]) >= 0
            assert len(case) <= 1
            for inner in case:
                assert inner.tag in {"failure", "skipped"}
                assert set(inner.attrib) <= {"message", "type"}
                assert inner.attrib["message"]


def cases(root: Element) -> dict[str, Element]:
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_each_experiment_and_gate_is_a_test_case() -> None:
    gates = (
        Gate("one", Finding.PASSED, "fine"),
        Gate("two", Finding.FAILED, "worse"),
        Gate("three", Finding.CANNOT_TELL, "noise"),
    )
    root = xml_of(outcome(), *gates)
    check_schema(root)
    found = cases(root)
    assert list(found) == ["baseline", "#1 threads=1", "the task completes", "one", "two", "three"]
    assert found["#1 threads=1"].attrib["time"] == "3.750"
    assert len(found["one"]) == 0
    assert [inner.tag for inner in found["two"]] == ["failure"]
    assert found["three"][0].attrib["message"] == "cannot tell: noise"
    strict = cases(xml_of(outcome(), *gates, strict=True))
    assert [inner.tag for inner in strict["three"]] == ["failure"]


def test_what_failed_is_a_failure_with_its_cause_and_what_was_not_measured_is_skipped() -> None:
    experiments = [
        experiment(0, 80.0),
        experiment(1, None, status="failed", error_kind="crashed", error="signal 9\nat line 3"),
        experiment(2, None, status="pruned", error="cannot beat #0", feasible=None),
        experiment(3, None, status="cancelled", feasible=None),
        experiment(4, None),
    ]
    root = xml_of(outcome(status="failed", experiments=experiments), message="all went wrong")
    check_schema(root)
    found = list(cases(root).values())
    assert [[inner.tag for inner in case] for case in found] == [
        [], ["failure"], ["skipped"], ["skipped"], [], ["failure"],
    ]  # fmt: skip
    assert found[1][0].attrib == {"message": "signal 9 at line 3", "type": "crashed"}
    assert found[1][0].text == "signal 9\nat line 3"
    assert found[5][0].attrib["message"] == "all went wrong"
    assert "experiment 4 misses the SLO" in (root.findtext("testsuite/system-out") or "")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_run_breaks_the_xml(text: str) -> None:
    stored_text = text.replace("\ud800", "")  # no text that is stored holds half a character
    flags = {stored_text[:50]: stored_text}
    failed = experiment(1, None, status="failed", error=stored_text, parameters=flags)
    experiments = [experiment(0, 80.0), failed]
    one = outcome(experiments=experiments, task=stored_text[:200], verdict=stored_text)
    check_schema(xml_of(one, Gate("gate", Finding.FAILED, text)))


def parsed(text: str) -> list[str]:
    """The kinds of what a reader makes of it; HTML that is not ours fails."""
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(
        ["table", "strikethrough"]
    )
    kinds = []
    for token in parser.parse(text):
        for one in (token, *(token.children or ())):
            kinds.append(one.type)
            if one.type.startswith("html"):
                ours = r"(</?details>|</?summary>|<summary>[\w ]+</summary>|<!-- -->|\n)*"
                assert re.fullmatch(ours, one.content), one.content
    return kinds


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    cells = [[plain(text), code(text)], [code(text, 100), plain(text, 100)]]
    kinds = parsed(table(["one", code(text)], cells))
    assert kinds.count("table_open") == 1
    assert kinds.count("tr_open") == 3
    assert kinds.count("td_open") == 4
    assert kinds.count("th_open") == 2
    assert not {"link_open", "image", "em_open", "strong_open", "s_open"} & set(kinds)
    assert parsed(block(text, "sh")) == ["fence"]
    assert not re.search(r"(?<!&)#\d|@\w", plain(text).replace("<!-- -->", "<"))


def summary(one: Outcome, *gates: Gate, **options: object) -> str:
    settings = {"message": "", "strict": False, "reproduce": "manage.py reproduce small --run 2"}
    change = options.pop("change", None)
    return markdown_summary(one, gates, change, **(settings | options))  # type: ignore[arg-type]


def test_it_tells_the_verdict_the_gain_the_best_and_the_stored_run() -> None:
    now = outcome(gain=0.25, gain_ci95=[0.2, 0.3])
    gate = Gate("no more than 5% worse", Finding.PASSED, "−1.0%")
    text = summary(now, gate, change=compare(now, stored(101.0)))
    assert text.startswith("## ✅ Autotuner: `small`\n\n**Experiment 1 is better")
    assert "| no more than 5<!-- -->% worse" not in text
    assert "| score | 80.00 tokens/s (95%: 79.21 to 80.80) | 100.0 tokens/s" in text
    assert "| gain |  | +25.0% (95%: 20% to 30%) |  |" in text
    assert "| `threads` |  | `1` | `1` |" in text
    assert "### Compared with baseline.json" in text
    assert "manage.py reproduce small --run 2" in text
    assert "task_name: small" in text
    parsed(text)


def test_what_failed_is_told_first_and_with_its_cause() -> None:
    experiments = [experiment(0, None, status="failed", error_kind="crashed", error="signal 9")]
    changes = {"status": "failed", "experiments": experiments, "baseline": None}
    one = outcome(None, **changes)
    text = summary(one, message="every experiment failed")
    assert text.startswith("## ❌ Autotuner: `small`\n\n**The task is failed: every experiment")
    assert "| default |  | crashed | `signal 9` |" in text


def test_a_gate_that_cannot_tell_is_a_warning_and_when_strict_a_failure() -> None:
    gate = Gate("gate", Finding.CANNOT_TELL, "noise")
    assert summary(outcome(), gate).startswith("## ⚠️ ")
    assert summary(outcome(), gate, strict=True).startswith("## ❌ ")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_run_breaks_the_summary(text: str) -> None:
    assert built(summary(*hostile(text))) == built(summary(*hostile("calm")))
    assert len(summary(*hostile(text))) < 200_000


def built(text: str) -> list[str]:
    """Headings, tables, rows, cells, blocks in their order."""
    return [kind for kind in parsed(text) if kind.endswith(("_open", "_close")) or kind == "fence"]


def hostile(text: str) -> tuple[Outcome, Gate]:
    text = text.replace("\ud800", "")  # no text that is stored holds half a character
    broken = experiment(1, None, status="failed", error=text, parameters={text[:50]: text})
    best = experiment(2, 90.0, parameters={text[:50]: text, "x": text}, command=[text])
    changes = {
        "task": text[:200],
        "best": best,
        "verdict": f"{text} {text}",
        "spec": data()["spec"] | {"description": text},
        "provenance": {"versions": {text: text}, "observed": {"images": [text]}},
        "experiments": [experiment(0, 80.0), broken, best],
    }
    return outcome(**changes), Gate(text, Finding.FAILED, text)
