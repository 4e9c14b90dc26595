"""YAML that every parser reads alike: what could be taken for anything but text is quoted.

Compose and Kubernetes read YAML by other rules than we do: one takes `y` for true, another `1e3`
for a number.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
NO_FOLDING = 2**30


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists stand further in than what they belong to, as those tools' own files have it."""
        del indentless
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, data: str) -> yaml.Node:
    plain = _PLAIN.fullmatch(data) and data.lower() not in _WORDS
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _text)


def documents(parts: Sequence[Mapping[str, Any]]) -> str:
    return yaml.dump_all(
        [dict(part) for part in parts],
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=NO_FOLDING,
        default_flow_style=False,
    )
