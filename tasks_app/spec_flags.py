"""Checks of a task's flags against the engine that it names."""

from collections.abc import Mapping

from pydantic_core import PydanticCustomError

from tasks_app.domains import Choices, Domain, Range
from tasks_app.flags import check_flag_name, check_scalar
from tasks_app.problems import Problem, did_you_mean, nearest_name
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.runtimes.known_flags import KNOWN_FLAGS
from tasks_app.runtimes.schema import Flag, Runtime
from tasks_app.space import Scalar
from tasks_app.spec_parameters import parse_domain
from tasks_app.validation import shown


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
    return [(name, value) for name, value in section.items() if isinstance(name, str)]


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
    if runtime is None and runtime_name not in KNOWN_FLAGS:
        known = sorted({*catalogue.names, *KNOWN_FLAGS})
        return [
            Problem(
                "base_runtime", f"no runtime {runtime_name!r}", did_you_mean(runtime_name, known)
            )
        ], []
    places = [("parameters", name) for name in searched] + [("fixed_parameters", n) for n in fixed]
    for section, name in places:
        path = f"{section}.{name}"
        if section == "fixed_parameters" and name in searched:
            problems.append(
                Problem(path, "is searched under parameters too", "keep it in one of the two")
            )
            continue
        problem, warning = _name_problem(path, name, runtime_name, runtime, catalogue)
        problems += [problem] if problem else []
        warnings += [warning] if warning else []
        flag = runtime.flags.get(name) if runtime is not None else None
        if flag is not None and problem is None:
            if section == "parameters":
                found, advice = _domain_problems(path, searched[name], flag)
                problems += found
                warnings += advice
            elif wrong := flag.problem_with(fixed[name]):
                problems.append(Problem(path, *wrong))
    return problems, warnings


def _name_problem(
    path: str, name: str, runtime_name: str, runtime: Runtime | None, catalogue: RuntimeCatalogue
) -> tuple[Problem | None, Problem | None]:
    known = catalogue.flags_of(runtime_name)
    if name in known:
        return None, None
    if runtime is not None and name in runtime.reserved_flags:
        return Problem(path, f"--{name} is set by the runtime {runtime_name} itself"), None
    others = [other for other in catalogue.owners_of(name) if other != runtime_name]
    near = nearest_name(name, known)
    hint = f"did you mean {near!r}?" if near else ""
    if "_" in name:
        dashed = name.replace("_", "-")
        return Problem(
            path, f"flag {name!r} is written with dashes", f"write {near or dashed}"
        ), None
    if others:
        whose = " and ".join(others)
        return Problem(path, f"{name!r} is a flag of {whose}, not of {runtime_name}", hint), None
    if runtime is not None and runtime.closed:
        return Problem(
            path, f"{runtime_name} has no flag {name!r}", did_you_mean(name, known)
        ), None
    if near:
        return Problem(path, f"{runtime_name} has no flag {name!r} that we know of", hint), None
    return None, Problem(
        path, f"{name!r} is not in the catalogue of {runtime_name}; it is passed on unchecked"
    )


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
