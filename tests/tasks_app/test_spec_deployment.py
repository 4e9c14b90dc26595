from collections.abc import Callable
from typing import Any

import pytest

from tasks_app.masking import MASK
from tasks_app.problems import Problem
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.spec_deployment import Access, Container, Readiness

Document = dict[str, Any]
ProblemsWith = Callable[..., list[Problem]]
SECRET = "hf_7hiddenWord"
TOKEN_WAYS = [
    *("HF_ENDPOINT", "HUGGINGFACE_HUB_ENDPOINT", "HF_INFERENCE_ENDPOINT", "MODEL_ENDPOINT"),
    *("HUGGINGFACE_CO_STAGING", "HF_TOKEN_PATH", "SSL_CERT_FILE", "CURL_CA_BUNDLE"),
]
SITE_VARIABLES = ["MODEL_PATH", "HF_HOME", "HF_HUB_CACHE", "AUTOTUNER_EXPERIMENT"]


def in_docker(**changes: Any) -> Document:
    return {"deployment_mode": "docker"} | changes


def warnings_of(document: Document, catalogue: RuntimeCatalogue) -> list[str]:
    return [str(warning) for warning in validate_spec(document, catalogue=catalogue)[1]]


def test_it_says_what_each_key_is_where_nothing_is_said(document: Document) -> None:
    data = TaskSpec.from_data(document).to_data()
    assert data["use_gpus"] is True
    assert data["container"] == {
        "network": "host",
        "ipc": "host",
        "shm_size_gib": None,
        "memory_gib": None,
        "cpus": None,
        "ulimits": None,
        "volumes": [],
    }
    assert data["readiness"] == {"health_path": None, "interval_s": None, "timeout_s": None}
    assert data["access"] == {
        "http_proxy": None,
        "https_proxy": None,
        "no_proxy": None,
        "hub_token": None,
    }


def test_it_takes_everything_that_can_be_said(
    document: Document, catalogue: RuntimeCatalogue
) -> None:
    document |= in_docker(
        use_gpus=False,
        container={
            "network": "bridge",
            "ipc": "private",
            "shm_size_gib": 16,
            "memory_gib": 0.5,
            "cpus": 1.5,
            "ulimits": {"memlock": -1, "nofile": 65536},
            "volumes": ["/srv/a:/a", "/srv/b:/b:rw"],
        },
        readiness={"health_path": "/v1/health?deep=1", "interval_s": 0.5, "timeout_s": 900},
        access={
            "http_proxy": "http://proxy.example:3128",
            "https_proxy": "https://user:p%40ss@[::1]:1080/",
            "no_proxy": "intranet.example, 10.0.0.0/8,.local",
            "hub_token": SECRET,
        },
    )
    spec, warnings = validate_spec(document, catalogue=catalogue)
    assert warnings == []
    assert TaskSpec.from_data(spec.to_data()) == spec


def test_it_tells_none_at_all_from_what_the_site_has(document: Document) -> None:
    document["access"] = {"http_proxy": "", "no_proxy": "", "hub_token": ""}
    access = TaskSpec.from_data(document).access
    assert (access.http_proxy, access.https_proxy, access.hub_token) == ("", None, "")


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("container", "network", "none", "must be one of host, bridge"),
        ("container", "ipc", "shareable", "must be one of host, private"),
        ("container", "shm_size_gib", 0, "must be at least 0.001"),
        ("container", "shm_size_gib", "16", "write 16 without quotes"),
        ("container", "memory_gib", 0.001, "must be at least 0.01"),
        ("container", "memory_gib", float("inf"), "must be"),
        ("container", "cpus", -1, "must be at least 0.01"),
        ("container", "cpus", float("nan"), "must be"),
        ("container", "ulimits", ["nofile"], "must be a mapping"),
        ("container", "volumes", "/srv/a:/a", "must be a list"),
        ("container", "volumes", ["/srv/a:/a", "/srv/b:/a:rw"], "two volumes lie at /a"),
        ("container", "volumes", [f"/srv/a:/a{n}" for n in range(21)], "is longer than 20"),
        ("container", "privileged", True, "unknown key"),
        ("readiness", "health_path", "health", "write /health"),
        ("readiness", "health_path", "/a b", "is not a path of the server"),
        ("readiness", "health_path", "/a\r\nHost: x", "is not a path of the server"),
        ("readiness", "health_path", "http://x/", "is not a path of the server"),
        ("readiness", "interval_s", 0, "must be at least 0.01"),
        ("readiness", "timeout_s", 0.5, "must be at least 1"),
        ("access", "token", "x", "unknown key"),
        ("access", "no_proxy", "http://a", "holds an address"),
        ("access", "no_proxy", "a b", "holds a blank"),
    ],
)
def test_it_says_what_is_wrong_with_a_value(
    problems_with: ProblemsWith, section: str, key: str, value: object, message: str
) -> None:
    [problem] = problems_with(**{section: {key: value}})
    assert problem.path == f"{section}.{key}"
    assert message in str(problem)


@pytest.mark.parametrize(
    ("name", "limit", "message"),
    [
        ("nofiles", 1, "unknown limit 'nofiles' (did you mean 'nofile'?)"),
        ("NOFILE", 1, "unknown limit"),
        ("nofile", -2, "must lie between -1 and"),
        ("nofile", 2**63, "must lie between -1 and"),
        ("nofile", True, "must be a whole number, not true"),
        ("nofile", "1024", "write 1024 without quotes"),
        ("nofile", 1.5, "must be a whole number"),
    ],
)
def test_it_says_what_is_wrong_with_a_limit(
    problems_with: ProblemsWith, name: str, limit: object, message: str
) -> None:
    [problem] = problems_with(container={"ulimits": {name: limit}})
    assert problem.path == f"container.ulimits.{name}"
    assert message in str(problem)


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ("/:/host", "the whole file system"),
        ("/var/run/docker.sock:/s", "the container engine's socket"),
        ("/srv/../etc:/etc2", "leaves its folder"),
    ],
)
def test_it_refuses_volumes_that_no_site_may_allow(
    problems_with: ProblemsWith, volume: str, message: str
) -> None:
    [problem] = problems_with(container={"volumes": ["/srv/a:/a", volume]})
    assert problem.path == "container.volumes[1]"
    assert message in problem.message


def test_it_finds_every_problem_of_these_sections_at_once(problems_with: ProblemsWith) -> None:
    problems = problems_with(
        use_gpus="yes",
        container={
            "network": "x",
            "cpus": 0,
            "ulimits": {"a": 1, "nofile": -9},
            "volumes": ["/a", "/srv:/"],
        },
        readiness={"health_path": "x", "timeout_s": 0},
        access={"http_proxy": "x", "https_proxy": "y", "hub_token": "z"},
    )
    assert [problem.path for problem in problems] == [
        "use_gpus",
        "container.network",
        "container.cpus",
        "container.ulimits.a",
        "container.ulimits.nofile",
        "container.volumes[0]",
        "container.volumes[1]",
        "readiness.health_path",
        "readiness.timeout_s",
        "access.http_proxy",
        "access.https_proxy",
        "access.hub_token",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http_proxy", f"user:{SECRET}@proxy:3128"),
        ("http_proxy", f"ftp://user:{SECRET}@proxy"),
        ("http_proxy", f"socks5://user:{SECRET}@proxy"),
        ("http_proxy", f"http://user:{SECRET}@"),
        ("http_proxy", f"http://user:{SECRET}@proxy:port"),
        ("http_proxy", f"http://user:{SECRET}@proxy:0"),
        ("http_proxy", f"http://user:{SECRET}/1@proxy"),
        ("http_proxy", f"http://user:1/{SECRET}@proxy"),
        ("http_proxy", f"http://user:'{SECRET}@proxy"),
        ("http_proxy", f"http://'{SECRET}@proxy"),
        ("http_proxy", f"http://user:{SECRET}@proxy/path"),
        ("http_proxy", f"http://user:{SECRET}@proxy\nX: y"),
        ("http_proxy", f"http://user:{SECRET}@[::1"),
        ("https_proxy", f"http://user:{SECRET} @proxy"),
        ("https_proxy", f"http://user:{MASK}@proxy"),
        ("https_proxy", 7700000),
        ("hub_token", f"{SECRET} "),
        ("hub_token", f"{SECRET}\n"),
        ("hub_token", f"{SECRET}ä"),
        ("hub_token", SECRET * 50),
        ("hub_token", SECRET[3:6]),
        ("hub_token", MASK),
        ("hub_token", 7700000),
        ("hub_token", [SECRET]),
    ],
)
def test_it_refuses_wrong_secrets_without_repeating_them(
    problems_with: ProblemsWith, key: str, value: object
) -> None:
    [problem] = problems_with(access={key: value})
    assert problem.path == f"access.{key}"
    assert SECRET[3:6] not in str(problem)
    assert "7700000" not in str(problem)
    assert str(problem).endswith(")") or "holds a" in problem.message


def test_it_does_not_repeat_a_number_that_is_a_secret(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(environment={"API_KEY": 7700000})
    assert str(problem) == "environment.API_KEY: must be text (write it in quotes)"


@pytest.mark.parametrize("section", ["access", "environment"])
def test_it_does_not_repeat_a_secret_that_stands_in_the_place_of_its_section(
    problems_with: ProblemsWith, section: str
) -> None:
    [problem] = problems_with(**{section: SECRET})
    assert str(problem) == f"{section}: must be a mapping of keys to values, not a text"


def test_its_secrets_are_in_no_traceback(document: Document) -> None:
    document |= {
        "access": {"hub_token": SECRET, "http_proxy": f"http://u:{SECRET}@h"},
        "environment": {"API_KEY": SECRET},
    }
    assert SECRET not in repr(TaskSpec.from_data(document))


def test_it_refuses_a_mask_in_a_variable(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(environment={"PROXY": f"http://u:{MASK}@h"})
    assert str(problem) == "environment.PROXY: is masked here (put the value in again)"


@pytest.mark.parametrize("name", SITE_VARIABLES)
def test_it_keeps_a_container_s_variables_that_the_site_sets(
    problems_with: ProblemsWith, name: str
) -> None:
    [problem] = problems_with(**in_docker(environment={name: "x"}))
    assert problem.path == f"environment.{name}"
    assert "site" in problem.message


@pytest.mark.parametrize("mode", ["docker", "local"])
@pytest.mark.parametrize("name", TOKEN_WAYS)
def test_it_sends_the_site_s_token_nowhere_else(
    problems_with: ProblemsWith,
    document: Document,
    catalogue: RuntimeCatalogue,
    mode: str,
    name: str,
) -> None:
    document |= {"deployment_mode": mode, "environment": {name: "http://elsewhere:8000"}}
    [problem] = problems_with(**document)
    assert problem.path == f"environment.{name}"
    assert "not with the token of this site" in problem.message
    assert "access.hub_token" in problem.suggestion
    validate_spec(document | {"access": {"hub_token": SECRET}}, catalogue=catalogue)


def test_it_lets_a_container_go_elsewhere_without_a_token_but_no_process_of_this_host(
    problems_with: ProblemsWith, document: Document, catalogue: RuntimeCatalogue
) -> None:
    document |= {"environment": {"HF_ENDPOINT": "http://mirror"}, "access": {"hub_token": ""}}
    validate_spec(document | in_docker(), catalogue=catalogue)
    [problem] = problems_with(**document)  # it would read the token in the site's cache
    assert problem.path == "environment.HF_ENDPOINT"
    own = {"access": {"hub_token": SECRET}, "environment": {"HF_ENDPOINT": "x", "HF_TOKEN": ""}}
    [problem] = problems_with(**own)
    assert problem.path == "environment.HF_ENDPOINT"


def test_it_lets_a_local_task_choose_its_cache(
    document: Document, catalogue: RuntimeCatalogue
) -> None:
    document["environment"] = {"HF_HOME": "/srv/cache"}
    assert warnings_of(document, catalogue) == []


@pytest.mark.parametrize("mode", ["docker", "local"])
@pytest.mark.parametrize("name", ["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"])
def test_it_lets_no_task_choose_its_gpus(
    problems_with: ProblemsWith,
    document: Document,
    catalogue: RuntimeCatalogue,
    mode: str,
    name: str,
) -> None:
    for use_gpus, value in ((True, "0"), (True, ""), (False, "all")):
        changes = {"deployment_mode": mode, "use_gpus": use_gpus, "environment": {name: value}}
        [problem] = problems_with(**changes)
        assert "GPUs that it alone has" in problem.message
    document |= {"deployment_mode": mode, "use_gpus": False, "environment": {name: ""}}
    validate_spec(document, catalogue=catalogue)


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "HF_TOKEN"])
def test_it_says_where_proxies_and_tokens_belong(
    document: Document, catalogue: RuntimeCatalogue, name: str
) -> None:
    document["environment"] = {name: "http://proxy:3128"}
    [warning] = warnings_of(document, catalogue)
    assert warning.startswith(f"environment.{name}: reaches the server alone")
    assert "(write it as access." in warning


def test_it_says_what_has_no_effect(document: Document, catalogue: RuntimeCatalogue) -> None:
    document |= {
        "runtime_image_tag": "x",
        "container": {"network": "bridge", "ipc": "host", "shm_size_gib": 1.0},
        "readiness": {"interval_s": 9, "timeout_s": 3},
        "optimization": {"timeout_per_iteration": 60},
    }
    local = "has no effect with deployment_mode: local"
    assert warnings_of(document, catalogue) == [
        f"runtime_image_tag: {local}",
        f"container.network: {local}",
        f"container.shm_size_gib: {local}",
        "readiness.interval_s: is longer than timeout_s: the server is asked once in 3 s",
    ]
    document |= {"deployment_mode": "docker", "readiness": {"timeout_s": 90}}
    found = warnings_of(document, catalogue)
    assert [warning.partition(":")[0] for warning in found] == [
        "container.shm_size_gib",
        "readiness.timeout_s",
    ]
    assert "ipc: private" in found[0]


@pytest.mark.parametrize("section", [Access, Container, Readiness])
def test_its_sections_can_be_made_of_nothing(section: type[Access]) -> None:
    assert section.model_validate({}) == section()
