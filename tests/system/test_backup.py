"""A backup of a site, and back; what is no whole backup changes nothing."""

import io
import shutil
import tarfile
from pathlib import Path

from tasks_app.datasets.files import PROMPTS, hash_of
from tests.system.site import Site, free_port
from tests.system.test_recovery import engines, prepare
from tests.waiting import wait_for

NAMES = "SELECT name FROM tasks_app_task ORDER BY name"
EXPERIMENTS = "SELECT number, status, attempt FROM experiments_app_experiment ORDER BY number"
FIRST_IS_MEASURED = (
    "SELECT 1 FROM experiments_app_experiment WHERE status = 'benchmarking'"
    " AND progress LIKE '%requests%'"
)


def test_a_damaged_database_and_lost_data_sets_are_brought_back(site: Site) -> None:
    prepare(site)
    prompts = made_data_set(site) / PROMPTS
    file = site.home / "site.tar"
    saved = site.manage("backup", str(file))
    assert "With the files of data sets: 1" in saved.stdout, saved.stderr
    shutil.rmtree(prompts.parent)
    (site.home / "autotuner.db").write_bytes(b"\xa5" * 40960)
    assert site.manage("backup", str(site.home / "second.tar")).returncode == 1
    assert not (site.home / "second.tar").exists()
    restored = site.manage("restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert site.rows(NAMES) == [("paced",)]
    assert prompts.read_text() == '["Why?"]'


def made_data_set(site: Site) -> Path:
    """Its folder, named as any is."""
    draft = site.home / "datasets" / "draft"
    draft.mkdir(parents=True)
    (draft / PROMPTS).write_text('["Why?"]')
    return draft.rename(draft.with_name(hash_of(draft)))


def test_what_is_no_whole_backup_changes_nothing(site: Site, tmp_path: Path) -> None:
    prepare(site)
    file = tmp_path / "site.tar"
    assert site.manage("backup", str(file)).returncode == 0
    whole = file.read_bytes()
    turned = bytearray(whole)
    turned[len(whole) // 2] ^= 0xFF
    bad = {
        "cut.tar": whole[: len(whole) // 2],
        "turned.tar": bytes(turned),
        "text.tar": b"notes " * 500,
        "outside.tar": with_member("../outside"),
        "absolute.tar": with_member("/results/x"),
    }
    for name, content in bad.items():
        path = tmp_path / name
        path.write_bytes(content)
        refused = site.manage("restore", str(path))
        assert refused.returncode == 1, name
        assert "not restored" in refused.stderr
    assert site.rows(NAMES) == [("paced",)]
    assert not (site.home / "backups").exists()
    assert not (site.home.parent / "outside").exists()


def with_member(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    return buffer.getvalue()


def test_a_restore_under_a_running_task_ends_what_it_measured_and_the_site_goes_on(
    site: Site,
) -> None:
    prepare(site)
    file = site.home / "site.tar"
    assert site.manage("backup", str(file)).returncode == 0
    site.start("serve", "--bind", f"127.0.0.1:{free_port()}")
    site.start_task("paced")
    site.wait_for_row(FIRST_IS_MEASURED)
    engine = engines(site)
    restored = site.manage("restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert site.rows("SELECT name, status FROM tasks_app_task") == [("paced", "pending")]
    assert site.rows(EXPERIMENTS) == []
    assert not site.rows("SELECT 1 FROM experiments_app_resourcelease")
    assert engine
    wait_for(lambda: not engines(site), timeout_s=60)

    site.start_task("paced")
    site.wait_for_row("SELECT 1 FROM tasks_app_task WHERE status = 'completed'", timeout_s=240)
    assert site.rows(EXPERIMENTS) == [(0, "success", 1), (1, "success", 1)]


def test_a_backup_killed_while_it_writes_leaves_nothing_under_its_name_and_the_next_one_clears_up(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    result = site.home / "results" / "task_1" / "large"
    result.parent.mkdir(parents=True)
    with result.open("wb") as large:
        large.truncate(4 * 1024**3)  # a hole, which takes no disk and seconds to back up
    file = folder / "site.tar"
    backup = site.start("backup", "--with-results", str(file))
    wait_for(
        lambda: any(draft.stat().st_size > 1024**2 for draft in folder.iterdir()), timeout_s=120
    )
    backup.kill()
    backup.communicate()
    assert not file.exists()
    result.unlink()
    assert site.manage("backup", "--with-results", str(file)).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["site.tar"]
    assert not list(site.home.glob(".backup-*"))
