import os
import socket
from pathlib import Path

import pytest

from experiments_app.engines.model_source import HF_HOME_TARGET, MODEL_TARGET
from experiments_app.launch_plan import CA_TARGET
from tasks_app.volumes import (
    TARGETS_TAKEN,
    Volume,
    VolumeRefused,
    mountable,
    volume_problems,
)


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("/srv/a:/a", Volume("/srv/a", "/a")),
        ("/srv/a:/a:ro", Volume("/srv/a", "/a")),
        ("/srv/a b:/a/b:rw", Volume("/srv/a b", "/a/b", read_only=False)),
        ("/varnish:/models", Volume("/varnish", "/models")),
    ],
)
def test_it_reads_a_volume(text: str, volume: Volume) -> None:
    assert Volume.parse(text) == volume


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/srv/a", "is not a volume"),
        ("", "is not a volume"),
        ("/srv/a:", "is not a volume"),
        ("/srv/a:/a:", "is not a volume"),
        ("/srv/a:/a:ro:z", "is not a volume"),
        ("/srv/a:/a:z", "write ro or rw"),
        ("srv/a:/a", "'srv/a' is not an absolute path"),
        ("a-volume:/a", "'a-volume' is not an absolute path"),
        ("/srv/a:a", "'a' is not an absolute path"),
        ("/srv/../etc:/a", "leaves its folder"),
        ("/srv/a:/a/..", "leaves its folder"),
        ("/srv/a/:/a", "write /srv/a"),
        ("/srv/./a:/a", "write /srv/a"),
        ("//srv/a:/a", "write /srv/a"),
        ("/srv/a,b:/a", "holds ','"),
        ('/srv/a"b:/a', "holds '\"'"),
        ("/srv/a\n:/a", "control character"),
        ("/srv/a:/a\0", "control character"),
        ("/:/a", "the whole file system"),
        ("/srv/a:/", "whole file system"),
        ("/var/run/docker.sock:/a", "the container engine's socket"),
        ("/run/docker.sock:/a", "the container engine's socket"),
        ("/srv/elsewhere/docker.sock:/a", "the container engine's socket"),
        ("/var/run:/a", "holds the container engine's socket"),
        ("/run:/a", "holds the container engine's socket"),
        ("/var:/a", "holds the container engine's socket"),
        ("/proc/1/root:/a", "reaches /proc, which no task may have"),
        ("/sys:/a", "reaches /sys"),
        ("/dev/shm:/a", "reaches /dev"),
        ("/var/lib/docker/overlay2:/a", "reaches /var/lib/docker"),
        ("/var/lib:/a", "reaches /var/lib/docker"),
        ("/srv/a:/proc", "over /proc"),
        ("/srv/a:/sys/fs/cgroup", "over /sys"),
        ("/srv/a:/dev/shm", "over /dev"),
        ("/srv/a:/model", "over /model"),
        ("/srv/a:/hf/hub", "over /hf"),
        ("/srv/a:/etc", "over /etc/ssl/autotuner-ca.pem"),
    ],
)
def test_it_says_what_is_wrong_with_a_volume(text: str, message: str) -> None:
    with pytest.raises(VolumeRefused) as refused:
        Volume.parse(text)
    assert message in str(refused.value)


def test_it_keeps_volumes_off_what_the_site_itself_mounts() -> None:
    assert {MODEL_TARGET, HF_HOME_TARGET, CA_TARGET} <= set(TARGETS_TAKEN)


def test_it_takes_folders_and_files_under_an_allowed_one(tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    (tmp_path / "chat.jinja").touch()
    volumes = [f"{tmp_path}/loras:/loras:rw", f"{tmp_path}/chat.jinja:/t.jinja", f"{tmp_path}:/all"]
    assert volume_problems(volumes, [tmp_path]) == []


def test_it_follows_links_before_it_compares(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    for folder in (allowed, other):
        folder.mkdir()
    (allowed / "out").symlink_to(other)
    (other / "in").symlink_to(allowed)
    assert mountable(f"{other}/in:/a", [allowed]).source == str(allowed)
    with pytest.raises(VolumeRefused, match=f"out, which is {other}, lies outside"):
        mountable(f"{allowed}/out:/a", [allowed])


def test_it_takes_an_allowed_folder_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    volume = mountable(f"{tmp_path}/link:/a:rw", [tmp_path / "link"])
    assert volume == Volume(str(tmp_path / "real"), "/a", read_only=False)


def test_it_says_which_volume_is_refused_and_why(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "circle").symlink_to(allowed / "circle")
    found = volume_problems(
        ["/srv:/", f"{tmp_path}:/a", f"{allowed}:/b", f"{allowed}/none:/c", f"{allowed}/circle:/d"],
        [allowed],
    )
    assert [problem.path for problem in found] == [
        "container.volumes[0]",
        "container.volumes[1]",
        "container.volumes[3]",
        "container.volumes[4]",
    ]
    assert (
        f"lies outside the folders that tasks may mount from (DOCKER_VOLUMES names {allowed})"
        in (str(found[1]))
    )
    assert "No such file" in found[2].message
    assert "circle" in found[3].message


def test_it_mounts_nothing_where_nothing_is_allowed(tmp_path: Path) -> None:
    [problem] = volume_problems([f"{tmp_path}:/a"], [])
    assert "DOCKER_VOLUMES" in problem.suggestion


def test_it_gives_no_socket_under_whatever_name(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "docker.sock"))
        (tmp_path / "harmless").symlink_to(tmp_path / "docker.sock")
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub/folder").symlink_to(tmp_path)
        found = volume_problems(
            [f"{tmp_path}/harmless:/a", f"{tmp_path}/sub/folder:/b"], [tmp_path, Path("/")]
        )
    assert len(found) == 2
    assert all("socket" in problem.message for problem in found)


def test_it_gives_nothing_that_is_holds_or_lies_in_what_no_task_gets(tmp_path: Path) -> None:
    allowed, kept = tmp_path / "allowed", tmp_path / "allowed/in/kept"
    (kept / "sub").mkdir(parents=True)
    (allowed / "in/kept-too").mkdir()
    (allowed / "link").symlink_to(kept / "sub")
    (tmp_path / "way").symlink_to(kept)
    for source in (kept, kept / "sub", allowed / "in", allowed, allowed / "link"):
        for forbidden in (kept, tmp_path / "way"):
            with pytest.raises(VolumeRefused, match=f"reaches {kept}, which no task may have"):
                mountable(f"{source}:/a", [allowed], [forbidden])
    assert volume_problems([f"{allowed}/in/kept-too:/a"], [allowed], [kept]) == []


def test_it_gives_nothing_but_folders_and_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    [problem] = volume_problems([f"{tmp_path}/pipe:/a"], [tmp_path])
    assert "neither a folder nor a file" in problem.message
