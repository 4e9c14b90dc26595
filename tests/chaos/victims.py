"""Who can be killed, and what a machine's administrator would do about it."""

import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import psutil
from docker.errors import DockerException
from requests import RequestException

from experiments_app.containers import labels
from tests.docker_rig import PrivateDockerd
from tests.system.site import Site, free_port
from tests.waiting import wait_for

Kill = Callable[[], bool]
"""Kills; False where there was nothing to kill at that moment."""

GONE_WITHIN_S = 20


class Victims:
    """The processes of a site under `serve`, and of its Docker engine where it has one."""

    def __init__(self, site: Site, dockerd: PrivateDockerd | None = None) -> None:
        self._site = site
        self._dockerd = dockerd
        self.kills: dict[str, Kill] = {
            "consumer": lambda: self._kill("run_consumer"),
            "consumer workers": lambda: self._kill("run_consumer", children=True),
            "site": lambda: self._kill("gunicorn"),
            "genai-bench": lambda: self._kill("experiments_app.benchmark.launcher"),
            "engine": lambda: self._kill("experiments_app.llamacpp.server"),
            "everything": self._everything,
        }
        if dockerd is not None:
            self.kills["engine"] = self._container
            self.kills["dockerd"] = self._docker

    def serve(self) -> None:
        self._site.start("serve", "--bind", f"127.0.0.1:{free_port()}")

    def _matching(self, part: str) -> list[psutil.Process]:
        found = []
        for process in self._site.children():
            with suppress(psutil.Error):
                if part in " ".join(process.cmdline()):
                    found.append(process)
        return sorted(found, key=lambda process: (process.create_time(), process.pid))

    def _kill(self, part: str, *, children: bool = False) -> bool:
        """The oldest process with `part` in its command line, or those after it."""
        matching = self._matching(part)
        return kill_all(matching[1:] if children else matching[:1])

    def _everything(self) -> bool:
        kill_all(self._site.children())
        wait_for(lambda: not self._site.children(), timeout_s=GONE_WITHIN_S)
        self.serve()
        return True

    def _container(self) -> bool:
        assert self._dockerd is not None
        killed = False
        with suppress(DockerException, RequestException, OSError), self._dockerd.client() as client:
            for container in client.containers.list(filters={"label": labels.SITE}):
                container.kill(signal=signal.SIGKILL)
                killed = True
        return killed

    def _docker(self) -> bool:
        assert self._dockerd is not None
        self._dockerd.kill()
        time.sleep(1)
        self._dockerd.start()
        return True


def kill_all(processes: Iterable[psutil.Process]) -> bool:
    killed = False
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
            killed = True
    return killed
