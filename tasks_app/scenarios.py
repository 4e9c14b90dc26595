"""Traffic scenarios: how long the prompts and the answers of a benchmark are.

The grammar is genai-bench's. It does not refuse a scenario that does not fit the task
but spins until the time is over, and it writes results under its own canonical spelling:
so only canonical spellings pass here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_TOKENS = 10_000_000
"""Far beyond any model's context: catches a slipped finger, not an ambition."""

_FORMS: Mapping[str, tuple[str, int]] = {
    "D": ("D(input,output)", 2),
    "N": ("N(mean,stddev)/(mean,stddev)", 4),
    "U": ("U(min,max)/(min,max) or U(max_input,max_output)", 4),
    "E": ("E(tokens_per_document)", 1),
    "R": ("R(tokens_per_document,tokens_per_query)", 2),
    "I": ("I(width,height) or I(width,height,images)", 2),
}
_TASK_KINDS: Mapping[str, frozenset[str]] = {
    "text-to-text": frozenset({"D", "N", "U", "dataset"}),
    "image-text-to-text": frozenset({"I", "dataset"}),
    "text-to-embeddings": frozenset({"E", "dataset"}),
    "image-to-embeddings": frozenset({"I", "dataset"}),
    "text-to-rerank": frozenset({"R", "dataset"}),
}
_SHAPE = re.compile(r"([A-Z])\((\d+(?:,\d+)*)\)(?:/\((\d+,\d+)\))?", re.ASCII)
_GROUP_SIZES: Mapping[str, frozenset[tuple[int, ...]]] = {
    "D": frozenset({(2,)}),
    "N": frozenset({(2, 2)}),
    "U": frozenset({(2,), (2, 2)}),
    "E": frozenset({(1,)}),
    "R": frozenset({(2,)}),
    "I": frozenset({(2,), (3,)}),
}


class ScenarioError(ValueError):
    """A traffic scenario cannot be used; `suggestion` is what would be right, if that is known."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


@dataclass(frozen=True)
class Scenario:
    """One parsed scenario. `numbers` are those of `text`, in its order, in tokens (or pixels)."""

    text: str
    kind: str
    numbers: tuple[int, ...] = ()

    def fits(self, task: str) -> bool:
        return self.kind in _TASK_KINDS.get(task, frozenset())

    @property
    def output_tokens(self) -> tuple[int, int] | None:
        """Fewest and most output tokens of one request where the scenario bounds them.

        genai-bench never asks for fewer than two.
        """
        if self.kind == "D":
            return self.numbers[1], self.numbers[1]
        if self.kind == "U":
            lowest, highest = self.numbers[2:] if len(self.numbers) == 4 else (1, self.numbers[1])
            return max(2, lowest), max(2, highest)
        return None

    @property
    def mean_tokens(self) -> tuple[float, float] | None:
        """Mean input and output tokens of a request: what an estimate of time needs."""
        if self.kind == "D":
            return float(self.numbers[0]), float(self.numbers[1])
        if self.kind == "N":
            return float(self.numbers[0]), float(self.numbers[2])
        if self.kind == "U" and len(self.numbers) == 4:
            return sum(self.numbers[:2]) / 2, sum(self.numbers[2:]) / 2
        if self.kind == "U":
            return (1 + self.numbers[0]) / 2, (1 + self.numbers[1]) / 2
        return None

    def describe(self) -> str:
        """The scenario in words: `100 tokens in, 100 out`."""
        n = self.numbers
        match self.kind:
            case "D":
                return f"{n[0]} tokens in, {n[1]} out"
            case "N":
                return f"about {n[0]} ± {n[1]} tokens in, {n[2]} ± {n[3]} out"
            case "U" if len(n) == 4:
                return f"{n[0]} to {n[1]} tokens in, {n[2]} to {n[3]} out"
            case "U":
                return f"up to {n[0]} tokens in, up to {n[1]} out"
            case "E":
                return f"documents of {n[0]} tokens"
            case "R":
                return f"documents of {n[0]} tokens, queries of {n[1]}"
            case "I":
                images = n[2] if len(n) == 3 else 1
                return f"{images} image{'s' if images != 1 else ''} of {n[0]} × {n[1]} pixels"
            case _:
                return "prompts of the data set"


def split_scenarios(text: str) -> list[str]:
    """Split a form field at commas, semicolons and line ends outside parentheses.

    `"D(100,100), D(200,200)"` is two scenarios. Nothing is mended: each part is as typed,
    without the blanks around it.
    """
    parts: list[str] = []
    depth = 0
    start = 0
    for position, character in enumerate(text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif depth == 0 and character in ",;\n\r":
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def mend_scenarios(parts: list[str]) -> list[str]:
    """Put together a list that was split at every comma: `["D(100", "100)"]` is one scenario.

    Blanks inside a scenario go too. A list that gives no scenarios even so stays as it is.
    """
    mended = split_scenarios(re.sub(r"\s+", "", ",".join(parts)))
    try:
        for part in mended:
            parse_scenario(part)
    except ScenarioError:
        return parts
    return mended


def parse_scenario(text: str) -> Scenario:
    """Parse one scenario in its canonical spelling. Raises ScenarioError."""
    if text == "dataset":
        return Scenario(text=text, kind="dataset")
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ScenarioError(f"{text!r} is not a traffic scenario", _right_spelling(text))
    kind = match[1]
    if kind not in _FORMS:
        raise ScenarioError(
            f"no scenario kind {kind!r} in {text!r}", "kinds: D, N, U, E, R, I and dataset"
        )
    groups = [group.split(",") for group in match.groups()[1:] if group is not None]
    if tuple(len(group) for group in groups) not in _GROUP_SIZES[kind]:
        raise ScenarioError(f"{text!r} has the wrong number of figures", f"write {_FORMS[kind][0]}")
    written = [figure for group in groups for figure in group]
    if any(len(figure) > len(str(MAX_TOKENS)) for figure in written):
        raise ScenarioError(f"a figure in {text!r} is beyond {MAX_TOKENS}")
    numbers = tuple(int(figure) for figure in written)
    if any(str(number) != figure for number, figure in zip(numbers, written, strict=True)):
        plain = re.sub(r"\d+", lambda figure: str(int(figure[0])), text)
        raise ScenarioError(f"{text!r} has a leading zero", f"write {plain}")
    scenario = Scenario(text=text, kind=kind, numbers=numbers)
    _check_numbers(scenario)
    return scenario


def _check_numbers(scenario: Scenario) -> None:
    text, kind, n = scenario.text, scenario.kind, scenario.numbers
    if max(n) > MAX_TOKENS:
        raise ScenarioError(f"a figure in {text!r} is beyond {MAX_TOKENS}")
    may_be_zero = {1, 3} if kind == "N" else set()
    if any(number < 1 for index, number in enumerate(n) if index not in may_be_zero):
        raise ScenarioError(f"{text!r}: lengths start at 1")
    if kind == "U" and len(n) == 4 and (n[0] > n[1] or n[2] > n[3]):
        raise ScenarioError(
            f"{text!r}: a minimum is above its maximum", "write U(min,max)/(min,max)"
        )
    longest_output = {"D": n[-1], "U": n[-1], "N": n[2] if kind == "N" else 0}.get(kind)
    if longest_output is not None and longest_output < 2:
        raise ScenarioError(
            f"{text!r} asks for {longest_output} output token: no time per output token can be "
            "measured and every record would be dropped",
            "ask for at least 2 output tokens",
        )


def _right_spelling(text: str) -> str:
    """What to write instead: the same scenario spelt canonically, or the forms there are."""
    mended = re.sub(r"\s+", "", text)
    if re.fullmatch(r"[a-z]\(.*", mended):
        mended = mended[0].upper() + mended[1:]
    if mended.lower() == "dataset":
        mended = "dataset"
    if mended != text:
        try:
            return f"write {parse_scenario(mended).text}"
        except ScenarioError:
            pass
    kind = mended[:1]
    if kind in _FORMS:
        return f"write {_FORMS[kind][0]}, whole numbers and no spaces"
    return "write for example D(100,100): 100 tokens in, 100 out"
