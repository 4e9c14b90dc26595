"""A runtime's catalogue against the argument parser of the engine that is installed."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tasks_app.runtimes import Flag, Runtime, load_runtimes

# Run by the engine's own Python; `parser` is the engine's.
PARSERS = {
    "vllm": (
        "import sys; sys.argv = ['vllm', 'serve']\n"
        "from vllm.entrypoints.launchers.cli_args import make_arg_parser\n"
        "from vllm.utils.argparse_utils import FlexibleArgumentParser\n"
        "parser = make_arg_parser(FlexibleArgumentParser())\n"
    ),
    "sglang": (
        "import argparse\n"
        "from sglang.srt.server_args import ServerArgs\n"
        "parser = argparse.ArgumentParser()\n"
        "ServerArgs.add_cli_args(parser)\n"
    ),
}
DUMP = """
import json
found = []
for action in parser._actions:
    default = getattr(action.default, "value", action.default)
    found.append({
        "names": [name[2:] for name in action.option_strings if name.startswith("--")],
        "values": [str(c) for c in action.choices or () if c not in (None, "None")],
        "switch": action.nargs == 0,
        "default": default if isinstance(default, (str, int, float)) else None,
    })
print("PARSER " + json.dumps(found))
"""


def differences(name: str, python: Path) -> list[str]:
    """A line for everything that the catalogue has otherwise than the engine."""
    runtime = load_runtimes().get(name)
    done = subprocess.run(
        [str(python), "-c", PARSERS[name] + DUMP], check=True, capture_output=True, text=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("PARSER "))
    actions = json.loads(line.partition(" ")[2])
    by_name = {name: action for action in actions for name in action["names"] if name != "help"}
    found = [f"{name}: {text}" for text in _name_differences(runtime, set(by_name))]
    for flag_name, flag in runtime.flags.items():
        if flag_name in by_name:
            texts = _flag_differences(flag_name, flag, by_name[flag_name])
            found += [f"{name}: {flag_name}: {text}" for text in texts]
    return found


def _name_differences(runtime: Runtime, real: set[str]) -> list[str]:
    negations = {f"no-{name}" for name, flag in runtime.flags.items() if flag.negation}
    negations |= {f"no-{name}" for name in runtime.refused_flags} & real
    listed = {*runtime.flags, *runtime.aliases, *runtime.other_flags, *runtime.refused_flags}
    listed |= negations
    return [f"has no flag {name}" for name in sorted(listed - real)] + [
        f"the catalogue lacks {name}" for name in sorted(real - listed - runtime.reserved_flags)
    ]


def _flag_differences(name: str, flag: Flag, action: dict[str, Any]) -> list[str]:
    found: list[str] = []
    others = [other for other in action["names"] if other != name]
    negation = f"no-{name}" in others
    if set(others) - {f"no-{name}"} != set(flag.aliases):
        found.append(f"other names: {others}, not {flag.aliases}")
    if action["switch"] != (flag.type == "bool"):
        found.append(f"the engine has it {'without' if action['switch'] else 'with'} a value")
    if negation != (flag.negation is not None):
        found.append(f"the engine has {'a' if negation else 'no'} --no- form")
    if action["values"] and set(action["values"]) != {str(value) for value in flag.values or ()}:
        found.append(f"the engine takes {action['values']}")
    if flag.default is not None and action["default"] != flag.default:
        found.append(f"its default is {action['default']!r}, not {flag.default!r}")
    if flag.default is None and action["default"] not in (None, ""):
        found.append(f"its default is {action['default']!r}")
    return found
