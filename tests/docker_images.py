"""Images for the tests' Docker engine, made here from what is installed: no registry is needed.

`autotuner-test/python` holds the running interpreter with its standard library, and busybox.
`autotuner-test/llamacpp` adds the real llama.cpp server where the official image has its own, with
that image's entrypoint. `autotuner-test/faulty` adds servers of known pace and known faults.
"""

import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

import docker
import pytest

from tests.docker_rig import PrivateDockerd

PYTHON_IMAGE = "autotuner-test/python:1"
LLAMACPP_IMAGE = "autotuner-test/llamacpp:1"
FAULTY_IMAGE = "autotuner-test/faulty:1"
PROJECT_ROOT = Path(__file__).resolve().parents[1]
INTERPRETER = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
# Large, or of no use to a server.
UNUSED = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idlelib", "ensurepip", "lib2to3"}
    | {"tkinter", "turtledemo", "pydoc_data", "__pycache__"}
)
UNUSED_STARTS = ("config-", "_test", "_tkinter")
LLAMA_SERVER = f"""#!/bin/sh
export PYTHONPATH=/app
exec {INTERPRETER} -m experiments_app.llamacpp.server "$@"
"""
FAULTY_SERVER = f"""#!/bin/sh
exec {INTERPRETER} -u /app/faulty_server.py "$@"
"""
ENTRYPOINTS = {LLAMACPP_IMAGE: "/app/llama-server", FAULTY_IMAGE: "/app/faulty-server"}


def image(engine: PrivateDockerd, name: str) -> str:
    """The name of one of the images above, which the engine has from now on."""
    with engine.client() as client:
        if not client.images.list(name):
            _make(client, engine, name)
    return name


def _make(client: docker.DockerClient, engine: PrivateDockerd, name: str) -> None:
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            LAYERS[name](tar)
        file.seek(0)
        if name == PYTHON_IMAGE:
            repository, _, tag = name.partition(":")
            client.api.import_image_from_data(file, repository=repository, tag=tag)
            return
        image(engine, PYTHON_IMAGE)
        client.images.build(fileobj=file, custom_context=True, tag=name, rm=True)


def _write_python(tar: tarfile.TarFile) -> None:
    """A root file system: this interpreter where it stands here, its libraries, and busybox."""
    library = Path(sysconfig.get_path("stdlib"))
    busybox = shutil.which("busybox")
    assert busybox is not None
    tar.add(Path(busybox).resolve(), "bin/busybox")
    for applet in ("sh", "sleep", "cat", "env", "head", "kill"):
        link = tarfile.TarInfo(f"bin/{applet}")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(link)
    tar.add(INTERPRETER, _inside(INTERPRETER))
    tar.add(library, _inside(library), filter=_needed)
    _add_libraries(tar, [Path(busybox), INTERPRETER, *library.glob("lib-dynload/*.so")])
    folder = tarfile.TarInfo("tmp")
    folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
    tar.addfile(folder)
    _add_text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    _add_text(tar, "etc/group", "root:x:0:\n")


def _write_llamacpp(tar: tarfile.TarFile) -> None:
    found = find_spec("xllamacpp")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    bundled = package.with_name("xllamacpp.libs")
    tar.add(package, "root/app/xllamacpp", filter=_needed)
    if bundled.exists():
        tar.add(bundled, "root/app/xllamacpp.libs")
    libraries = [*package.glob("*.so"), *bundled.glob("*.so*")]
    _add_libraries(tar, libraries, folder="root/", but_under=package.parent)
    application = PROJECT_ROOT / "experiments_app"
    for part in ("__init__.py", "llamacpp", "parent_death.py"):
        tar.add(application / part, f"root/app/experiments_app/{part}", filter=_needed)
    _add_text(tar, "root/app/llama-server", LLAMA_SERVER, mode=0o755)
    _add_dockerfile(tar, LLAMACPP_IMAGE)


def _write_faulty(tar: tarfile.TarFile) -> None:
    tests = PROJECT_ROOT / "tests"
    tar.add(tests / "known_pace_server.py", "root/app/known_pace_server.py")
    tar.add(tests / "docker" / "faulty_server.py", "root/app/faulty_server.py")
    _add_text(tar, "root/app/faulty-server", FAULTY_SERVER, mode=0o755)
    _add_dockerfile(tar, FAULTY_IMAGE)


LAYERS: dict[str, Callable[[tarfile.TarFile], None]] = {
    PYTHON_IMAGE: _write_python,
    LLAMACPP_IMAGE: _write_llamacpp,
    FAULTY_IMAGE: _write_faulty,
}


def _add_dockerfile(tar: tarfile.TarFile, name: str) -> None:
    # A volume: Docker makes one for each container, as for images that keep caches in it.
    lines = (
        f"FROM {PYTHON_IMAGE}",
        "COPY root /",
        "VOLUME /scratch",
        f'ENTRYPOINT ["{ENTRYPOINTS[name]}"]',
    )
    _add_text(tar, "Dockerfile", "\n".join(lines))


def _add_text(tar: tarfile.TarFile, name: str, text: str, *, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.size = mode, len(text.encode())
    tar.addfile(member, io.BytesIO(text.encode()))


def _add_libraries(
    tar: tarfile.TarFile,
    programs: Iterable[Path],
    *,
    folder: str = "",
    but_under: Path | None = None,
) -> None:
    """What the dynamic linker loads for them, each where it looks for it."""
    told = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    for name in sorted(set(re.findall(r"(/\S+) \(0x", told))):
        path = Path(name)
        if but_under is None or not path.is_relative_to(but_under):
            tar.add(path.resolve(), folder + _inside(path))


def _inside(path: Path) -> str:
    return str(path).lstrip("/")


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = member.name.rpartition("/")[2]
    return None if name in UNUSED or name.startswith(UNUSED_STARTS) else member


@pytest.fixture
def llamacpp_image(dockerd: PrivateDockerd) -> str:
    return image(dockerd, LLAMACPP_IMAGE)


@pytest.fixture
def python_image(dockerd: PrivateDockerd) -> str:
    return image(dockerd, PYTHON_IMAGE)


@pytest.fixture
def faulty_image(dockerd: PrivateDockerd) -> str:
    return image(dockerd, FAULTY_IMAGE)
