"""Archives that nobody vouches for: what may come out of one, and what is refused."""

import gzip
import io
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks_app.datasets.archives import Bounds, unpack
from tasks_app.datasets.errors import DatasetError, GivenUp

TEXT = b'{"prompt": "why?"}\n'
BOUNDS = Bounds(max_bytes=64 * 1024**2)


def name_of(value: object) -> str | None:
    """Of a test: archives hold the time, and test processes must call one test by one name."""
    return "content" if isinstance(value, bytes) else None


def tar_of(*members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    opened: Any = tarfile.open
    with opened(fileobj=buffer, mode=mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zip_of(*members: tuple[str, bytes], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def zip_link(name: str, target: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return buffer.getvalue()


def unpacked(content: bytes, folder: Path, name: str = "x", bounds: Bounds = BOUNDS) -> Any:
    raw = folder / "raw"
    raw.write_bytes(content)
    path, found = unpack(raw, name, folder, bounds)
    return path.read_bytes(), found


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (TEXT, "a.jsonl", "a.jsonl"),
        (gzip.compress(TEXT), "a.jsonl.gz", "a.jsonl"),
        (zip_of(("a.jsonl", TEXT)), "x.zip", "a.jsonl"),
        (zip_of(("d/", b""), ("d/a.csv", TEXT), ("README.md", b"#")), "x.zip", "a.csv"),
        (zip_of(("a.json", TEXT), ("__MACOSX/a.json", b"?")), "x.zip", "a.json"),
        (zip_of(("prompts", TEXT)), "x.zip", "prompts"),
        (tar_of(("d/a.txt", TEXT), special("d", tarfile.DIRTYPE)), "x.tar.gz", "a.txt"),
        (tar_of(("a.jsonl", TEXT), mode="w"), "whatever", "a.jsonl"),
        (tar_of(("\udcff.jsonl", TEXT)), "x.tar.gz", "?.jsonl"),
    ],
    ids=name_of,
)
def test_the_one_data_file_comes_out(
    tmp_path: Path, content: bytes, name: str, expected: str
) -> None:
    assert unpacked(content, tmp_path, name) == (TEXT, expected)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (tar_of(("../../etc/passwd", TEXT)), "outside of itself"),
        (tar_of(("/etc/passwd", TEXT)), "outside of itself"),
        (tar_of(("a.jsonl", TEXT), ("d/../../x", TEXT)), "outside of itself"),
        (tar_of(special("a.jsonl", tarfile.SYMTYPE, "/etc/passwd")), "link or a device"),
        (tar_of(("b.jsonl", TEXT), special("a", tarfile.LNKTYPE, "/etc/passwd")), "link"),
        (tar_of(special("a.jsonl", tarfile.CHRTYPE)), "link or a device"),
        (tar_of(special("a.jsonl", tarfile.FIFOTYPE)), "link or a device"),
        (zip_of(("../../etc/passwd", TEXT)), "outside of itself"),
        (zip_of(("..\\..\\x.jsonl", TEXT)), "outside of itself"),
        (zip_of(("C:\\x.jsonl", TEXT)), "outside of itself"),
        (zip_link("a.jsonl", "/etc/passwd"), "link or a device"),
        (zip_of(("a.jsonl", TEXT), ("b.jsonl", TEXT)), "2 files"),
        (zip_of(("d/", b"")), "no file"),
        (zip_of(*((f"{n}.txt", b"") for n in range(1_001))), "more than 1000"),
        (tar_of(*((f"{n}.txt", b"") for n in range(1_001))), "more than 1000"),
        (zip_of(("a.jsonl", TEXT))[:-10], "broken"),
        (b"PK\x03\x04 nothing more", "broken"),
        (gzip.compress(TEXT)[:-4], "broken"),
        (tar_of(("a.jsonl", TEXT * 2_000), mode="w")[:-20_000], "broken"),
    ],
    ids=name_of,
)
def test_an_archive_that_is_none_of_ours_is_refused(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DatasetError, match=why):
        unpacked(content, tmp_path / "in")
    assert {path.name for path in tmp_path.rglob("*")} <= {"in", "raw", "unpacked", "from_tar"}


BOMB = b"\0" * 40_000_000


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lambda data: zip_of(("a.txt", data)), lambda data: tar_of(("a.txt", data))],
)
def test_a_bomb_is_stopped_by_its_ratio_and_by_the_bound(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    bomb = pack(BOMB)
    with pytest.raises(DatasetError, match="200 times"):
        unpacked(bomb, tmp_path)
    with pytest.raises(DatasetError, match="DATASET_MIB"):
        unpacked(bomb, tmp_path, bounds=Bounds(max_bytes=1_000_000))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 20_000_000


def test_a_header_that_claims_gigabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    info = special("pax", tarfile.XHDTYPE)
    info.size = 8 * 1024**3
    header = info.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(DatasetError, match="header"):
        unpacked(header + b"\0" * 10_240, tmp_path)


def test_a_list_of_holes_that_has_no_end_is_not_read_into_memory(tmp_path: Path) -> None:
    """It stands before the data of a sparse file, and is as long as its first line says."""
    holes = b"100000000\n" + b"0\n" * (5 * 1024**2)
    info = tarfile.TarInfo("a.jsonl")
    info.size = len(holes)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(holes))
    with pytest.raises(DatasetError, match="headers are longer than 8 MiB"):
        unpacked(buffer.getvalue(), tmp_path)


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_would_unpack_in_one_piece_is_refused(tmp_path: Path, way: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", way) as archive:
        archive.writestr("a.jsonl", TEXT)
    with pytest.raises(DatasetError, match="deflate"):
        unpacked(buffer.getvalue(), tmp_path)


def test_an_end_that_hides_a_longer_list_is_refused(tmp_path: Path) -> None:
    plain = zip_of(("a.jsonl", TEXT))
    at = plain.rfind(b"PK\x05\x06")
    locator = b"PK\x06\x07" + b"\0" * 16
    with pytest.raises(DatasetError, match="zip64"):
        unpacked(plain[:at] + locator + plain[at:], tmp_path)


def test_an_encrypted_file_is_told(tmp_path: Path) -> None:
    plain = bytearray(zip_of(("a.jsonl", TEXT)))
    plain[6] |= 1
    plain[plain.rfind(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DatasetError, match="encrypted"):
        unpacked(bytes(plain), tmp_path)


def test_whoever_waits_can_give_up() -> None:
    def check() -> None:
        raise GivenUp

    with tempfile.TemporaryDirectory() as folder, pytest.raises(GivenUp):
        unpacked(gzip.compress(TEXT), Path(folder), bounds=Bounds(1_000, check))
