"""Reading YAML and JSON that a user wrote: plain data only, bounded in every direction.

YAML is read by the 1.2 core schema, so that `on`, `off`, `yes` and `no` are words (they are
flag values), `1e-3` is a number and `2024-01-01` a text. Aliases, tags and repeated keys are
refused: none has a use in our files, each has been a way to hide something in one.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tasks_app.validation import place

MAX_CHARACTERS = 1_000_000
MAX_BYTES = 4 * MAX_CHARACTERS
MAX_DEPTH = 20
MAX_NODES = 20_000
_HALF = re.compile("[\ud800-\udfff]")
HALF_A_CHARACTER = r"holds half of a character (\ud800 or so); write the character itself"


class DocumentError(Exception):
    """A text is no document that we read; `line` counts from 1, 0 where there is none."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.message = message
        self.line = line


def read_text(path: Path) -> str:
    """The text of a file, refused beyond MAX_CHARACTERS. Raises DocumentError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}") from error
    return decode_text(raw)


def decode_text(raw: bytes) -> str:
    """The text of a file's first MAX_BYTES and one more. Raises DocumentError."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(raw) > MAX_BYTES:
            raise DocumentError(f"larger than {MAX_CHARACTERS:,} characters") from error
        raise DocumentError(f"is not UTF-8 text (byte {error.start})") from error


def load_document(text: str) -> Any:
    """Parse a YAML or JSON text into dicts, lists and scalars. Raises DocumentError."""
    _check_size(text)
    if re.match(r'\ufeff?\s*\{\s*["}]', text):
        return _load_json(text)
    return _load_yaml(text)


def load_json(text: str) -> Any:
    """The same of a text that must be JSON. Raises DocumentError."""
    _check_size(text)
    return _load_json(text)


def _check_size(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(f"larger than {MAX_CHARACTERS:,} characters")


def is_text(text: str) -> bool:
    """Whether it can be stored and shown: an escape may have put half of a character into it."""
    return _HALF.search(text) is None


def _load_json(text: str) -> Any:
    try:
        data = json.loads(
            text.lstrip("\ufeff"), object_pairs_hook=_unique_keys, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise DocumentError(f"not valid JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise DocumentError(f"nested deeper than {MAX_DEPTH}") from error
    except DocumentError:
        raise
    except ValueError as error:
        raise DocumentError(f"not valid JSON: {error}") from error
    _check_bounds(data)
    return data


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise DocumentError(f"the key {key!r} stands twice")
        mapping[key] = value
    return mapping


def _no_constant(name: str) -> Any:
    raise DocumentError(f"{name} is not a number that can be used here")


def _check_bounds(data: Any) -> None:
    nodes = 0
    level = [data]
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        if nodes > MAX_NODES:
            raise DocumentError(f"more than {MAX_NODES:,} values")
        children: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                children.extend(item.values())
                _check_texts(item)
            elif isinstance(item, list):
                children.extend(item)
            elif isinstance(item, str):
                _check_texts([item])
        if not children:
            return
        level = children
    raise DocumentError(f"nested deeper than {MAX_DEPTH}")


def _check_texts(texts: Iterable[str]) -> None:
    if not all(map(is_text, texts)):
        raise DocumentError(HALF_A_CHARACTER)


class _PlainLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the YAML 1.2 core schema and limits."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise DocumentError("anchors and aliases are not read; write the value out", line)
        if getattr(event, "tag", None) is not None:
            raise DocumentError(f"the tag {event.tag!r} is not read; leave it out", line)
        self._nodes += 1
        self._depth += 1
        if self._nodes > MAX_NODES:
            raise DocumentError(f"more than {MAX_NODES:,} values", line)
        if self._depth > MAX_DEPTH:
            raise DocumentError(f"nested deeper than {MAX_DEPTH}", line)
        node: yaml.Node | None = super().compose_node(parent, index)
        if isinstance(node, yaml.ScalarNode) and not is_text(node.value):
            raise DocumentError(HALF_A_CHARACTER, line)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise DocumentError("a key must be a plain word", line)
            key = key_node.value
            if key in mapping:
                raise DocumentError(f"the key {key!r} stands twice", line)
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping


_CORE_SCHEMA: Mapping[str, tuple[str, str]] = {
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", "~nN\0"),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?(?:0|[1-9][0-9]{0,29})", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
}
for _tag, (_pattern, _first) in _CORE_SCHEMA.items():
    _PlainLoader.add_implicit_resolver(
        _tag, re.compile(rf"^(?:{_pattern})$"), [c if c != "\0" else "" for c in _first]
    )


def plain_scalar(text: str) -> str | int | float | bool | None:
    """What `text`, unquoted in YAML, is read as."""
    for tag, (pattern, _) in _CORE_SCHEMA.items():
        if re.fullmatch(pattern, text):
            return _SCALARS[tag.rpartition(":")[2]](text)
    return text


_SCALARS: Mapping[str, Callable[[str], int | float | bool | None]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
}


def reads_as_text(text: str) -> bool:
    """Whether `text`, unquoted in YAML, would be read as a text and not as a number or so."""
    return not any(re.fullmatch(pattern, text) for pattern, _ in _CORE_SCHEMA.values())


def line_numbers(text: str) -> dict[str, int]:
    """The line, from 1, of everything in a text that can be read, by its path as problems name
    it: `parameters.tp-size[1]`. Empty where it cannot be told."""
    if not _printable(text) or len(text) > MAX_CHARACTERS:
        return {}
    loader = _PlainLoader(text)
    try:
        node = loader.get_single_node()
    except (yaml.YAMLError, RecursionError, DocumentError):
        return {}
    finally:
        loader.dispose()
    lines: dict[str, int] = {}
    if node is not None:
        _note_lines(node, (), lines)
    return lines


def _note_lines(node: yaml.Node, path: tuple[str | int, ...], lines: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            lines.setdefault(place(inner), key.start_mark.line + 1)
            _note_lines(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            inner = (*path, index)
            lines.setdefault(place(inner), item.start_mark.line + 1)
            _note_lines(item, inner, lines)


def _load_yaml(text: str) -> Any:
    loader = _PlainLoader(text) if _printable(text) else None
    if loader is None:
        raise DocumentError("holds control characters")
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "cannot be read"
        raise DocumentError(f"not valid YAML: {reason}", mark.line + 1 if mark else 0) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentError(f"not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _printable(text: str) -> bool:
    return yaml.reader.Reader.NON_PRINTABLE.search(text) is None
