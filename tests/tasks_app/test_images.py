from collections.abc import Callable

import pytest

from tasks_app.problems import Problem
from tasks_app.spec import TaskSpec

ProblemsWith = Callable[..., list[Problem]]
DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "image",
    [
        "sglang:latest",
        "lmsysorg/sglang:v0.5.2-cu126",
        "localhost:5000/a/b:1",
        "registry:5000/a:1",
        "registry.example/team_a/my--engine:1.0_rc",
        "Registry.Example:443/a:1",
        f"a/b@{DIGEST}",
        f"registry:5000/a/b@{DIGEST}",
        f"a/b:1.0@{DIGEST}",
    ],
)
def test_it_takes_every_way_to_name_an_image(document: dict[str, object], image: str) -> None:
    assert TaskSpec.from_data(document | {"runtime_image": image}).runtime_image == image


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("noversion", "write repository:tag"),
        ("registry:5000/a", "write repository:tag"),
        ("a:1; rm -rf /", "it holds ';'"),
        ("a:$(id)", "it holds '$'"),
        ("a:`id`", "it holds '`'"),
        ("a:1|b", "it holds '|'"),
        ("a b:1", "it holds ' '"),
        ("a:1\n", "control character"),
        ("--privileged", "would be read as a flag"),
        ("Team/Engine:V1", "repositories are lower case (write team/engine:V1)"),
        ("docker://a:1", "without docker://"),
        ("a//b:1", "write repository:tag"),
        ("/a:1", "write repository:tag"),
        ("../a:1", "write repository:tag"),
        ("a:-1", "write repository:tag"),
        ("a:" + "x" * 129, "write repository:tag"),
        ("a@sha256:abc", "write repository:tag"),
        (f"a@{DIGEST}@{DIGEST}", "write repository:tag"),
        ("a" * 256 + ":1", "longer than 255"),
        ("", "must not be empty"),
    ],
)
def test_it_says_why_a_text_names_no_image(
    problems_with: ProblemsWith, image: str, reason: str
) -> None:
    [problem] = problems_with(runtime_image=image)
    assert problem.path == "runtime_image"
    assert reason in str(problem)


@pytest.mark.parametrize("tag", ["", "-x", "a b", "a;b", "a\n", "x" * 129])
def test_it_refuses_what_is_no_tag(problems_with: ProblemsWith, tag: str) -> None:
    [problem] = problems_with(runtime_image_tag=tag)
    assert "is not an image tag" in problem.message
