"""Which searched flags depend on which others, by the conditions under which they are set."""

from collections.abc import Collection, Mapping, Sequence

from tasks_app.domains import Domain
from tasks_app.expressions import Condition

Parents = Mapping[str, Collection[str]]


def conditions_of(parameters: Mapping[str, Domain]) -> dict[str, Condition]:
    """The condition of each flag that has one."""
    return {name: Condition.parse(d.when) for name, d in parameters.items() if d.when}


def parents_of(parameters: Mapping[str, Domain]) -> dict[str, list[str]]:
    """Of each conditional flag the searched flags that its condition names."""
    return {
        name: [other for other in condition.names if other in parameters]
        for name, condition in conditions_of(parameters).items()
    }


def parents_first(names: Sequence[str], parents: Parents) -> tuple[str, ...]:
    """`names` in their order, except that a flag comes after those that it depends on."""
    placed: dict[str, None] = {}

    def place(name: str) -> None:
        if name in placed:
            return
        for parent in parents.get(name, ()):
            if parent in names:
                place(parent)
        placed[name] = None

    for name in names:
        place(name)
    return tuple(placed)


def find_cycle(parents: Parents) -> list[str]:
    """Flags of which each depends on the next and the last on the first; empty if there are none.

    Once it holds that there are none, every order of `parents_first` exists.
    """
    done: set[str] = set()

    def follow(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        for parent in parents.get(name, ()):
            if found := follow(parent, [*path, name]):
                return found
        done.add(name)
        return []

    for name in parents:
        if found := follow(name, []):
            return found
    return []
