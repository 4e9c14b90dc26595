"""The whole site on PostgreSQL and Redis, and what it says when they are not there."""

import json
import re
import shutil
from pathlib import Path

import httpx
import pytest

from tests.experiments_app.own_engine import paced_data
from tests.services import PASSWORD, PostgreSQL, Redis
from tests.system.conftest import PORTS
from tests.system.site import Site, free_port
from tests.waiting import wait_for


def statuses(site: Site, postgresql: PostgreSQL, table: str) -> list[tuple[object, ...]]:
    name = site.database_url.rpartition("/")[2]
    return postgresql.run(f"SELECT status FROM {table} ORDER BY id", name)


def test_a_task_is_tuned_by_serve_and_survives_a_restart_of_both_servers_under_it(
    on_servers: Site, postgresql: PostgreSQL, redis_server: Redis
) -> None:
    site = on_servers
    data = paced_data(benchmark={"max_requests_per_level": 40}, optimization={"max_iterations": 1})
    assert site.manage("migrate", "-v", "0").returncode == 0
    assert site.manage("import_task", str(site.write_task(data))).returncode == 0
    port = free_port()
    site.start("serve", "--bind", f"127.0.0.1:{port}")
    browser = signed_in(site, port)
    assert_it_examines_both(site)
    site.start_task("paced")
    experiments = "experiments_app_experiment"
    wait_for(
        lambda: ("benchmarking",) in statuses(site, postgresql, experiments)[1:], timeout_s=120
    )
    for server in (postgresql, redis_server):
        server.stop()
        if server is postgresql:
            assert_it_says_that_the_database_is_away(browser)
        server.start()
    wait_for(
        lambda: statuses(site, postgresql, "tasks_app_task") == [("completed",)], timeout_s=240
    )
    assert statuses(site, postgresql, experiments) == [("success",)] * 2
    assert [e["status"] for e in site.results("paced")["experiments"]] == ["success"] * 2
    assert not (site.home / "autotuner.db").exists()
    assert not (site.home / "queue.db").exists()
    said = site.said.read_text()
    assert PASSWORD not in said
    assert "the queue answers again" in said
    assert "the database does not answer" in said
    assert "Traceback" not in said


def assert_it_examines_both(site: Site) -> None:
    report = site.manage("doctor", "--json").stdout
    checks = {check["name"]: check for check in json.loads(report)["checks"]}
    for name, scheme in (("database", "postgres://127"), ("queue", "redis://127")):
        assert checks[name]["verdict"] == "ok"
        assert checks[name]["message"].startswith(scheme)
    assert PASSWORD not in report


def signed_in(site: Site, port: int) -> httpx.Client:
    site.wait_for_port(port)
    made = site.manage("createsuperuser", "--no-input", "--username=ada", "--email=a@b.example")
    assert made.returncode == 0, made.stderr
    browser = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get("/sign-in/").text)
    assert token
    typed = {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    assert browser.post("/sign-in/", data=typed).status_code == 302
    assert browser.get("/").status_code == 200
    return browser


def assert_it_says_that_the_database_is_away(browser: httpx.Client) -> None:
    health = browser.get("/healthz")
    assert health.status_code == 503
    assert health.json()["checks"]["database"] == "the database does not answer"
    for path in ("/", "/tasks/1/"):
        page = browser.get(path)
        assert page.status_code == 503
        assert "The database does not answer" in page.text


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_serve_and_doctor_say_which_server_is_not_there(tmp_path: Path, name: str) -> None:
    scheme, path = ("postgres", "/site") if name == "DATABASE_URL" else ("redis", "/0")
    address = f"{scheme}://127.0.0.1:{free_port()}{path}"
    url = address.replace("://", "://ada:hunter22@")
    site = Site(tmp_path / "home", PORTS, environment={name: url})
    refused = site.manage("serve", "--bind", f"127.0.0.1:{free_port()}")
    assert refused.returncode == 1
    assert address in refused.stderr
    assert "efused" in refused.stderr
    assert name in refused.stderr
    examined = site.manage("doctor")
    assert examined.returncode == 1
    assert address in examined.stdout
    assert "hunter22" not in refused.stderr + examined.stdout + examined.stderr


def test_a_damaged_database_is_told_and_not_served(site: Site) -> None:
    with (site.home / "autotuner.db").open("r+b") as file:
        file.seek(0, 2)
        for page in range(20, file.tell() // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
    for command in (("serve", "--bind", f"127.0.0.1:{free_port()}"), ("run_consumer",)):
        refused = site.manage(*command)
        assert refused.returncode == 1
        assert "is damaged and is not served" in refused.stderr
        assert "manage.py restore FILE" in refused.stderr
    assert not site.children()


def test_a_database_that_lost_its_head_is_not_followed_by_an_empty_one(site: Site) -> None:
    assert site.manage("check").returncode == 0
    with (site.home / "autotuner.db").open("r+b") as file:
        file.write(b"\xa5" * 4096)
    shutil.rmtree(site.home / "results")
    refused = site.manage("serve", "--bind", f"127.0.0.1:{free_port()}")
    assert refused.returncode == 1
    assert "manage.py restore FILE" in refused.stderr
    assert not (site.home / "autotuner-site.db").exists()
