"""Finding and reading runtime files: the shipped ones, and an administrator's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from tasks_app.documents import DocumentError, load_document, read_text
from tasks_app.problems import Problem, did_you_mean
from tasks_app.runtimes.schema import Runtime
from tasks_app.validation import problems_of, shown

SHIPPED_DIR = Path(__file__).parent


class RuntimeFileError(Exception):
    """A runtime is not there, or its file is broken; the message names file and keys."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        lines = [message, *(f"  {problem}" for problem in problems)]
        super().__init__("\n".join(lines))
        self.message = message
        self.problems = problems


@dataclass(frozen=True)
class RuntimeCatalogue:
    """Every runtime that a task may name. A broken file takes only its own runtime away."""

    runtimes: Mapping[str, Runtime]
    broken: Mapping[str, RuntimeFileError]

    def __iter__(self) -> Iterator[Runtime]:
        return iter(self.runtimes.values())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.runtimes)

    def find(self, name: str) -> Runtime | None:
        return self.runtimes.get(name)

    def get(self, name: str) -> Runtime:
        """Raises RuntimeFileError where there is none of that name, or its file is broken."""
        if name in self.broken:
            raise self.broken[name]
        if name in self.runtimes:
            return self.runtimes[name]
        raise RuntimeFileError(f"no runtime {name!r}: {did_you_mean(name, self.names)}")

    def owners_of(self, flag: str) -> tuple[str, ...]:
        """Names of the runtimes that describe a flag of this name."""
        return tuple(sorted(r.name for r in self if flag in r.flags or flag in r.aliases))

    def flags_of(self, name: str) -> frozenset[str]:
        """All flag names known for a runtime, described or not."""
        runtime = self.find(name)
        if runtime is None:
            return frozenset()
        return frozenset((*runtime.flags, *runtime.other_flags))


def load_runtimes(extra_dir: Path | None = None) -> RuntimeCatalogue:
    """The shipped runtimes, and those of `extra_dir/*.yaml`, which add to or override them."""
    files = {path.stem: path for path in sorted(SHIPPED_DIR.glob("*.yaml"))}
    if extra_dir is not None and extra_dir.is_dir():
        files |= {path.stem: path for path in sorted(extra_dir.glob("*.yaml"))}
    runtimes: dict[str, Runtime] = {}
    broken: dict[str, RuntimeFileError] = {}
    for name, path in files.items():
        try:
            status = path.stat()
            runtimes[name] = _read(path, status.st_mtime_ns, status.st_size)
        except RuntimeFileError as error:
            broken[name] = error
        except OSError as error:
            broken[name] = RuntimeFileError(f"{path}: cannot be read: {error.strerror}")
    return RuntimeCatalogue(runtimes, broken)


@lru_cache(maxsize=64)
def _read(path: Path, _modified_ns: int, _size_bytes: int) -> Runtime:
    return read_runtime(path)


def read_runtime(path: Path) -> Runtime:
    """Read and check one runtime file. Raises RuntimeFileError."""
    try:
        data = load_document(read_text(path))
    except DocumentError as error:
        raise RuntimeFileError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise RuntimeFileError(f"{path}: must be a mapping of keys to values, not {shown(data)}")
    try:
        runtime = Runtime.model_validate(data)
    except ValidationError as error:
        problems = tuple(problems_of(error, Runtime))
        raise RuntimeFileError(f"{path}: not a runtime that can be used", problems) from error
    if runtime.name != path.stem:
        raise RuntimeFileError(
            f"{path}: its name is {runtime.name!r}; the file must then be {runtime.name}.yaml"
        )
    return runtime
