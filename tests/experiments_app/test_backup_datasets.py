"""The files of data sets in a backup: held while they are packed, checked, and put back."""

import io
import tarfile
from pathlib import Path

import pytest

from experiments_app.backup import data_sets
from experiments_app.backup.archive import DATASETS, SQLITE, BackupError, pack, unpack
from experiments_app.backup.data_sets import Held
from tasks_app.datasets.files import ANSWERS, PROMPTS, hash_of
from tests.data_sets import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "site.tar"


def packed(archive: Path, held: Held) -> dict[str, Path]:
    database = archive.with_name(SQLITE)
    database.write_bytes(b"")
    files = dict(held.files())
    pack(archive, {SQLITE: database, **files}, {})
    return files


def unpacked(archive: Path) -> Path:
    staged = archive.with_name("staged")
    staged.mkdir()
    unpack(archive, staged)
    return staged


def test_what_is_removed_while_it_is_packed_comes_back(archive: Path) -> None:
    dataset = make_dataset()
    held = Held(archive.with_name("held"))
    held.hold()
    for path in dataset.folder.iterdir():
        path.unlink()
    dataset.folder.rmdir()
    files = packed(archive, held)
    assert {Path(name).name for name in files} == {PROMPTS, ANSWERS}
    assert data_sets.without_files() == ["questions"]
    staged = unpacked(archive)
    data_sets.check(staged)
    data_sets.put_back(staged)
    assert hash_of(dataset.folder) == dataset.sha256
    assert data_sets.without_files() == []


def test_what_is_damaged_is_left_out_and_named(archive: Path) -> None:
    spoilt, whole = make_dataset("spoilt"), make_dataset("whole", [("Why?", None)])
    (spoilt.folder / PROMPTS).write_text("[]")
    held = Held(archive.with_name("held"))
    held.hold()
    files = packed(archive, held)
    assert list(files) == [f"{DATASETS}/{whole.sha256}/{PROMPTS}"]
    assert held.damaged == ["spoilt"]


def test_damaged_files_are_replaced(archive: Path) -> None:
    dataset = make_dataset()
    held = Held(archive.with_name("held"))
    held.hold()
    packed(archive, held)
    (dataset.folder / PROMPTS).unlink()
    (dataset.folder / PROMPTS).write_text("[]")
    data_sets.put_back(unpacked(archive))
    assert hash_of(dataset.folder) == dataset.sha256


def test_half_taken_ones_go_aside(tmp_path: Path) -> None:
    half = data_sets.home() / "incoming" / "7"
    half.mkdir(parents=True)
    (half / "raw").write_text("half")
    data_sets.put_half_taken_aside(tmp_path)
    assert (tmp_path / DATASETS / "incoming" / "7" / "raw").read_text() == "half"
    assert not half.exists()


def test_what_the_restored_database_does_not_know_is_kept_and_nothing_else(tmp_path: Path) -> None:
    gone, stays = make_dataset("gone"), make_dataset("stays", [("Why?", None)])
    held = Held(tmp_path / DATASETS)
    held.hold()
    gone.delete()
    held.let_go()
    assert [path.name for path in (tmp_path / DATASETS).iterdir()] == [gone.sha256]
    assert hash_of(tmp_path / DATASETS / gone.sha256) == gone.sha256
    assert stays.folder.exists()


def test_files_that_are_not_what_their_name_says_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / DATASETS / ("0" * 64)
    folder.mkdir(parents=True)
    (folder / PROMPTS).write_text('["other"]')
    with pytest.raises(BackupError, match="data set in it is not the one of SHA-256 0000"):
        data_sets.check(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        f"{DATASETS}/{'0' * 63}/{PROMPTS}",
        f"{DATASETS}/{'0' * 64}/../{PROMPTS}",
        f"{DATASETS}/{'0' * 64}/{PROMPTS}/x",
        f"{DATASETS}/{'0' * 64}/other.json",
        f"{DATASETS}/incoming/7/raw",
        f"{DATASETS}/.lock",
        f"{DATASETS}/{'A' * 64}/{PROMPTS}",
        f"{DATASETS}/{'0' * 64}/{PROMPTS}\n",
    ],
)
def test_no_other_place_is_written(archive: Path, name: str) -> None:
    write_members(archive, tar_member(name))
    with pytest.raises(BackupError, match="which no backup does"):
        unpacked(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_no_link_and_no_device_is_made(archive: Path, kind: bytes) -> None:
    member = tar_member(f"{DATASETS}/{'0' * 64}/{PROMPTS}")
    member.type, member.linkname, member.size = kind, "/etc/passwd", 0
    write_members(archive, member)
    with pytest.raises(BackupError, match="which no backup does"):
        unpacked(archive)


def test_headers_that_follow_one_another_without_end_are_no_backup(archive: Path) -> None:
    long_name = tar_member("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 10
    one = long_name.tobuf(tarfile.GNU_FORMAT) + b"name".ljust(512, b"\0")
    archive.write_bytes(one * 2_000)
    with pytest.raises(BackupError, match="no backup that can be read"):
        unpacked(archive)


def tar_member(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = 2
    return member


def write_members(archive: Path, *members: tarfile.TarInfo) -> None:
    with tarfile.open(archive, "w") as file:
        for member in members:
            file.addfile(member, io.BytesIO(b"[]") if member.size else None)
