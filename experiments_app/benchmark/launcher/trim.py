"""Leaves out what genai-bench imports and a text benchmark never uses: other clouds' clients and
the libraries of its spreadsheets and plots. They are two thirds of its start."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

LEFT_OUT = frozenset(
    {"datasets", "matplotlib", "oci", "oci_openai", "openai", "openpyxl", "pandas"}
)


class _PlaceholderType(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Placeholder


class Placeholder(metaclass=_PlaceholderType):
    """Stands for any name of a library that was left out: to import, to inherit from, to be an
    option's default. Its instances can do nothing."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def __repr__(self) -> str:
        return "<left out by the launcher>"


class _EmptyModule(ModuleType):
    __path__: list[str] = []  # noqa: RUF012 — never filled

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Placeholder


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in LEFT_OUT:
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def trimmed_imports() -> Iterator[None]:
    """Within it the libraries left out are empty shells; after it they can be imported again."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n, m in sys.modules.items() if isinstance(m, _EmptyModule)]:
            del sys.modules[name]
