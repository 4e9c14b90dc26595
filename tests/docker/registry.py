"""A real image registry on loopback, with an account: what Docker calls insecure there works."""

import io
import os
import secrets
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from tests.docker_rig import PrivateDockerd
from tests.system.site import free_port
from tests.waiting import wait_for

USER = "tester"
PASSWORD = "let me in"
IMAGE_BYTES = 40 << 20
# bcrypt, the one kind that the registry takes, of the password above.
PASSWORD_HASH = "$2y$05$autotunertestsrigabcded9XH0IUYMrauetmEOMgUMHtpz.L6KIi"


@dataclass(frozen=True)
class Registry:
    address: str

    def hold_image(self, engine: PrivateDockerd) -> str:
        """Put an image there that is nowhere else, one layer of random bytes; its name."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as tar:
            member = tarfile.TarInfo("random")
            member.size = IMAGE_BYTES
            tar.addfile(member, io.BytesIO(os.urandom(IMAGE_BYTES)))
        repository, tag = f"{self.address}/private/{secrets.token_hex(4)}", "1"
        account = {"username": USER, "password": PASSWORD}
        with engine.client(timeout_s=120) as client:
            client.api.import_image_from_data(content.getvalue(), repository=repository, tag=tag)
            for event in client.images.push(
                repository, tag, auth_config=account, stream=True, decode=True
            ):
                assert "error" not in event, event
            client.images.remove(f"{repository}:{tag}")
        return f"{repository}:{tag}"


@contextmanager
def running_registry(folder: Path) -> Iterator[Registry]:
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip(
            "no docker-registry: apt-get install -y --no-install-recommends docker-registry"
        )
    address = f"127.0.0.1:{free_port()}"
    accounts = folder / "htpasswd"
    accounts.write_text(f"{USER}:{PASSWORD_HASH}\n")
    configuration = folder / "registry.yml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "version": 0.1,
                "log": {"level": "warn"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
                "http": {"addr": address},
                "auth": {"htpasswd": {"realm": "tests", "path": str(accounts)}},
            }
        )
    )
    environment = {n: v for n, v in os.environ.items() if not n.startswith("REGISTRY_")}
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", program, "serve", str(configuration)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: _answers(address), timeout_s=20)
        yield Registry(address)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def slow_way_to(registry: Registry, bytes_per_s: int) -> Iterator[Registry]:
    """The same registry behind a slow line."""
    host, _, port = registry.address.partition(":")
    open_sockets: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(64 * 1024):
                target.sendall(data)
                time.sleep(len(data) / bytes_per_s)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, int(port)))
                open_sockets.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield Registry(f"127.0.0.1:{listener.getsockname()[1]}")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for opened in open_sockets:
                opened.close()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/v2/", trust_env=False).status_code == 401
    except httpx.HTTPError:
        return False
