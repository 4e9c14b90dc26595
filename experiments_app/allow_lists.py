"""What a task may name, of all that this site's machine could reach: images, places, addresses.

The lists are settings. They are looked at when a task is checked, and again before each experiment:
a link may have been turned and a name may lead elsewhere meanwhile.
"""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from autotuner_site.addresses import is_public, numbers_of
from tasks_app.problems import Problem
from tasks_app.spec import TaskSpec

RUNTIMES = "runtimes"
"""In DOCKER_IMAGES: no more than the images of the runtimes themselves, with any tag."""
_ADDRESSES = ("PROXY", "ENDPOINT")


class NotAllowed(Exception):
    """The site does not let a task have it; `problem` says where, what, and who can allow it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


# Images


def whole_repository(image: str) -> str:
    """With the registry and without tag and digest: `vllm/x:v1` is `docker.io/vllm/x`."""
    name, _, _ = image.partition("@")
    folder, slash, last = name.rpartition("/")
    repository = f"{folder}{slash}{last.partition(':')[0]}"
    first, slash, _ = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return repository
    return f"docker.io/{'' if slash else 'library/'}{repository}"


def image_fault(image: str, allowed: Sequence[str], own: str | None = None) -> Problem | None:
    """`allowed`: patterns of repositories, none for any; `own`: the runtime's, always allowed."""
    if not allowed or not image:
        return None
    repository = whole_repository(image)
    if own and repository == whole_repository(own):
        return None
    patterns = [one if one == "*" else whole_repository(one) for one in allowed if one != RUNTIMES]
    if any(fnmatchcase(repository, pattern) for pattern in patterns):
        return None
    listed = ", ".join(allowed)
    return Problem(
        "runtime_image",
        f"{repository} is none of the images that this site lets tasks use",
        f"its administrator can name it in DOCKER_IMAGES, which has {listed}",
    )


# Places of this machine


def place_fault(path: Path, roots: Sequence[Path]) -> str:
    """Why a task may not name this file or folder: it, or one of the folder's files, lies outside
    the `roots`, links followed. Without roots any place will do. Says nothing of what is there."""
    if not roots:
        return ""
    real_roots = [root.resolve() for root in roots]
    try:
        inside = (
            [path, *path.iterdir()] if _is_within(path, real_roots) and path.is_dir() else [path]
        )
        outside = [one for one in inside if not _is_within(one, real_roots)]
    except (OSError, RuntimeError):  # unreadable, or links in a circle
        outside = [path]
    if not outside:
        return ""
    listed = ", ".join(map(str, roots))
    return (
        f"{outside[0]} lies outside the folders that tasks may name, links followed. Put it into"
        f" one of {listed}, or ask an administrator to add its folder to MODEL_PATHS."
    )


def _is_within(path: Path, roots: Iterable[Path]) -> bool:
    real = path.resolve()
    return any(real.is_relative_to(root) for root in roots)


# Addresses


def address_faults(
    spec: TaskSpec, trusted: Iterable[str], *, look_up: bool = False
) -> Iterator[Problem]:
    """Proxies and mirrors of a task that lie in a private network, on this machine, or where a
    cloud keeps its machines' accounts. `trusted`: hosts that may. `look_up`: ask the resolver
    what a name stands for, which may take its time; else only numbers are looked at."""
    may = {host.lower() for host in trusted}
    for place, text in _addresses_of(spec):
        host = _host_of(text)
        if not host or host in may:
            continue
        if not all(map(is_public, numbers_of(host, look_up=look_up))):
            yield Problem(
                place,
                "is an address of this machine or of a private network",
                "an administrator can name its host in TASK_HOSTS, or set it for the whole site",
            )


def _addresses_of(spec: TaskSpec) -> Iterator[tuple[str, str]]:
    for name in ("http_proxy", "https_proxy"):
        yield f"access.{name}", getattr(spec.access, name) or ""
    for name, text in spec.environment.items():
        if "://" in text and name.upper().endswith(_ADDRESSES):
            yield f"environment.{name}", text


def _host_of(text: str) -> str:
    try:
        return (urlsplit(text).hostname or "").lower()
    except ValueError:
        return ""
