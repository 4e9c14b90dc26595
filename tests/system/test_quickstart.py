import re
import signal
import socket
import threading

import httpx

from tests.system.site import Site, free_port
from tests.waiting import wait_for


def test_it_serves_the_live_page_to_whoever_has_the_link_and_stops_on_ctrl_c(site: Site) -> None:
    port = free_port()
    process = site.start("quickstart", "--port", str(port), "--exit")
    told: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: told.extend(process.stderr or ()), daemon=True)
    reader.start()
    wait_for(lambda: any("/sign-in/" in line for line in told), timeout_s=180)
    link = next(match[0] for line in told if (match := re.search(r"http\S+/sign-in/\S+", line)))
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        page = browser.get(link)
        assert page.status_code == 200
        assert page.url.path == "/tasks/1/"
        assert "smollm2-135m" in page.text
    site.wait_for_row("SELECT 1 FROM experiments_app_experiment WHERE status = 'benchmarking'")
    with httpx.Client(follow_redirects=True, timeout=60) as stranger:
        assert stranger.get(link).url.path != "/tasks/1/"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    wait_for(lambda: not site.children(), timeout_s=30)


def test_it_says_when_its_port_is_taken(site: Site) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = site.manage("quickstart", "--port", str(port), "--exit")
    assert done.returncode == 1
    assert str(port) in done.stderr
