"""Checks of a task's flags against the engine that it names."""

from collections.abc import Mapping

from pydantic_core import PydanticCustomError

from tasks_app.domains import Choices, Domain, Range
from tasks_app.expressions import Expression
from tasks_app.flags import check_flag_name, check_scalar
from tasks_app.problems import Problem, did_you_mean, nearest_name
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.runtimes.flag import Flag
from tasks_app.runtimes.schema import Runtime
from tasks_app.slips import slip_of
from tasks_app.space import Scalar
from tasks_app.spec_parameters import parse_domain
from tasks_app.validation import shown

MOST_LOOKED_AT = 300
"""Flags of one section of a document that is refused already: it may hold thousands."""
MOST_HINTS = 25
"""Looking for the name that was meant takes a while; nobody reads more of them at once."""


def flag_problems_in(
    data: object, catalogue: RuntimeCatalogue
) -> tuple[list[Problem], list[Problem]]:
    """`flag_problems` for a document that has other faults: whatever of its flags can be read."""
    if not isinstance(data, Mapping) or not isinstance(data.get("base_runtime"), str):
        return [], []
    searched: dict[str, Domain] = {}
    fixed: dict[str, Scalar] = {}
    for name, value in _items(data.get("parameters")):
        try:
            searched[check_flag_name(name)] = parse_domain(value)
        except PydanticCustomError:
            continue
    for name, value in _items(data.get("fixed_parameters")):
        try:
            fixed[check_flag_name(name)] = check_scalar(value)
        except PydanticCustomError:
            continue
    return flag_problems(data["base_runtime"], searched, fixed, catalogue)


def _items(section: object) -> list[tuple[str, object]]:
    if not isinstance(section, Mapping):
        return []
    items = [(name, value) for name, value in section.items() if isinstance(name, str)]
    return items[:MOST_LOOKED_AT]


def flag_problems(
    runtime_name: str,
    searched: Mapping[str, Domain],
    fixed: Mapping[str, Scalar],
    catalogue: RuntimeCatalogue,
) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings about flags that do not fit the runtime, or stand in two places."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    runtime = catalogue.find(runtime_name)
    if runtime_name in catalogue.broken:
        return [], []  # reported once, with the runtime
    if runtime is None:
        hint = did_you_mean(runtime_name, catalogue.names)
        return [Problem("base_runtime", f"no runtime {runtime_name!r}", hint)], []
    hints = 0
    places = [("parameters", name) for name in searched] + [("fixed_parameters", n) for n in fixed]
    for section, name in places:
        path = f"{section}.{name}"
        if section == "fixed_parameters" and name in searched:
            problems.append(
                Problem(path, "is searched under parameters too", "keep it in one of the two")
            )
            continue
        problem, warning = _name_problem(
            path, name, runtime, catalogue, with_hint=hints < MOST_HINTS
        )
        hints += problem is not None or warning is not None
        problems += [problem] if problem else []
        warnings += [warning] if warning else []
        flag = runtime.flags.get(name)
        if flag is not None and problem is None:
            if section == "parameters":
                found, advice = _domain_problems(path, searched[name], flag)
                problems += found
                warnings += advice
            elif wrong := flag.problem_with(fixed[name]):
                problems.append(Problem(path, *wrong))
    return problems, warnings


def _name_problem(
    path: str, name: str, runtime: Runtime, catalogue: RuntimeCatalogue, *, with_hint: bool
) -> tuple[Problem | None, Problem | None]:
    """A problem, or a warning, or neither."""
    known = catalogue.flags_of(runtime.name)
    if name in known or runtime.is_json_key(name):
        return None, None
    if refused := _refused(path, name, runtime):
        return refused, None
    near = nearest_name(name, known) if with_hint else None
    hint = f"did you mean {near!r}?" if near else ""
    if "_" in name:
        dashed = near or name.replace("_", "-")
        return Problem(path, f"flag {name!r} is written with dashes", f"write {dashed}"), None
    others = [other for other in catalogue.owners_of(name) if other != runtime.name]
    if others and runtime.lists_every_flag:
        whose = f"is a flag of {' and '.join(others)}, not of {runtime.name}"
        return Problem(path, f"{name!r} {whose}", hint), None
    if runtime.closed:
        missing = f"{runtime.name} has no flag {name!r}"
        return Problem(path, missing, did_you_mean(name, known) if with_hint else ""), None
    if meant := slip_of(name, known):
        message = f"{runtime.name} has no flag {name!r} that we know of"
        return Problem(path, message, f"did you mean {meant!r}?"), None
    listed = "not in the catalogue"
    if runtime.made_from:
        listed += f", which was made from {runtime.made_from}"
    return None, Problem(path, f"{name!r} is {listed}; it is passed on unchecked", hint)


def _refused(path: str, name: str, runtime: Runtime) -> Problem | None:
    """A name of something that a task says otherwise, or not at all."""
    if name in runtime.reserved_flags:
        return Problem(path, f"--{name} is set by the runtime {runtime.name} itself")
    if name in runtime.refused_flags:
        return Problem(path, f"--{name} is not for a task to set", runtime.refused_flags[name])
    if name in runtime.aliases:
        meant = runtime.aliases[name]
        return Problem(path, f"{name!r} is another name of {meant!r}", f"write {meant}")
    positive = runtime.flags.get(name.removeprefix("no-"))
    if name.startswith("no-") and positive is not None and positive.negation is not None:
        hint = f"write {name.removeprefix('no-')}: false"
        return Problem(path, f"{name!r} is a flag turned off", hint)
    if begun := _watched_name_begun(name, runtime):
        hint = f"write {begun}" if begun in runtime.flags else ""
        return Problem(path, f"{name!r} may be taken for the beginning of --{begun}", hint)
    return None


def _watched_name_begun(name: str, runtime: Runtime) -> str | None:
    """The one flag that starts with `name`, where this site must know whether it is set.

    Python's argparse takes the beginning of a flag for the flag: `--tp 2` would take two GPUs
    where one was leased, `--por 1` another port.
    """
    if runtime.closed:
        return None
    unset = (*runtime.reserved_flags, *runtime.refused_flags)
    meanings = {flag: flag for flag in (*runtime.flags, *runtime.other_flags, *unset)}
    meanings |= runtime.aliases
    begun = {meant for flag, meant in meanings.items() if flag.startswith(name)}
    watched = {*unset, *Expression.parse(runtime.devices).names}
    return begun.pop() if len(begun) == 1 and begun <= watched else None


def _domain_problems(path: str, domain: Domain, flag: Flag) -> tuple[list[Problem], list[Problem]]:
    if isinstance(domain, Choices):
        return [
            Problem(f"{path}[{index}]", *wrong)
            for index, option in enumerate(domain.options)
            if (wrong := flag.problem_with(option))
        ], []
    return _range_problems(path, domain, flag)


def _range_problems(path: str, domain: Range, flag: Flag) -> tuple[list[Problem], list[Problem]]:
    if flag.type in {"bool", "str"}:
        kind = "true or false" if flag.type == "bool" else "text"
        return [Problem(path, f"takes {kind}, not a range of numbers", "list the choices")], []
    if flag.type == "int" and not domain.integer:
        return [
            Problem(path, "takes whole numbers only", "write low, high and step without a point")
        ], []
    if flag.values is not None:
        values = domain.values()
        if values is None or len(values) > len(flag.values):
            listed = ", ".join(map(shown, flag.values))
            return [Problem(path, f"takes only {listed}", "list the choices")], []
        ends = list(values)
    else:
        ends = [domain.low, domain.high]
    for end in ends:
        if wrong := flag.problem_with(end):
            return [Problem(path, *wrong)], []
    if flag.type == "float" and domain.integer and domain.step is None and domain.low < domain.high:
        hint = f"write {{low: {float(domain.low)}, high: {float(domain.high)}}} for those between"
        return [], [Problem(path, "only the whole numbers of this range are tried", hint)]
    return [], []
