"""Reads the header of a GGUF file, quickly and without numpy.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Versions 2 and 3, little-endian.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32

STRING, ARRAY = 8, 9
SCALARS = {  # value type -> struct code
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class GgufError(Exception):
    """Not a GGUF file that can be loaded; the message says why."""


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    type_id: int  # ggml_type
    offset_bytes: int  # from the start of the data part


@dataclass(frozen=True)
class GgufHeader:
    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]
    data_start_bytes: int

    def expected_size_bytes(self) -> int:
        """How large the file has to be to hold every tensor."""
        # Kept out of the way of those who need the header only: gguf imports numpy.
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        ends = [self.data_start_bytes]
        for tensor in self.tensors:
            try:
                block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.type_id)]
            except (KeyError, ValueError):  # a type newer than the table: its start must do
                block, block_bytes = 1, 0
            elements = 1
            for size in tensor.shape:
                elements *= size
            ends.append(
                self.data_start_bytes + tensor.offset_bytes + elements // block * block_bytes
            )
        return max(ends)


def read_header(path: Path) -> GgufHeader:
    """Raises `GgufError` for a file that is not GGUF or ends within its header, and `OSError`."""
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise GgufError(f"{path} is not a GGUF file: it does not begin with GGUF")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Reader(data).header()
            except (struct.error, IndexError, UnicodeDecodeError, _Truncated):
                raise GgufError(
                    f"the GGUF file {path} is broken or cut: it ends within its header, at"
                    f" {len(data):,} bytes"
                ) from None
            except _Unreadable as error:
                raise GgufError(f"the GGUF file {path} is broken: {error}") from None


def check_complete(path: Path) -> None:
    """Raises `GgufError` when the file is not GGUF, is broken, or lacks tensor data at its end."""
    header = read_header(path)
    expected_bytes, actual_bytes = header.expected_size_bytes(), path.stat().st_size
    if actual_bytes < expected_bytes:
        raise GgufError(
            f"the GGUF file {path} is cut: it has {actual_bytes:,} bytes and its tensors need"
            f" {expected_bytes:,}; copy or download it again"
        )


class _Truncated(Exception):
    pass


class _Unreadable(Exception):
    pass


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = len(MAGIC)

    def header(self) -> GgufHeader:
        version = self._u32()
        if version not in VERSIONS:
            raise _Unreadable(f"its version is {version}, and 2 and 3 can be read")
        tensor_count, key_count = self._u64(), self._u64()
        metadata: dict[str, Any] = {}
        for _ in range(key_count):
            key = self._string()
            metadata[key] = self._value(self._u32())
        tensors = tuple(self._tensor() for _ in range(tensor_count))
        alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise _Unreadable(f"its alignment is {alignment!r}")
        return GgufHeader(metadata, tensors, -(-self._at // alignment) * alignment)

    def _tensor(self) -> Tensor:
        name = self._string()
        shape = tuple(self._u64() for _ in range(self._u32()))
        return Tensor(name, shape, type_id=self._u32(), offset_bytes=self._u64())

    def _value(self, type_id: int) -> Any:
        if type_id == STRING:
            return self._string()
        if type_id == ARRAY:
            element_type, count = self._u32(), self._u64()
            if element_type in SCALARS:
                return list(self._scalars(element_type, count))
            if element_type == STRING:
                return self._strings(count)
            return [self._value(element_type) for _ in range(count)]
        return self._scalars(type_id, 1)[0]

    def _scalars(self, type_id: int, count: int) -> tuple[Any, ...]:
        if type_id not in SCALARS:
            raise _Unreadable(f"a value has the unknown type {type_id}")
        if count > len(self._data):
            raise _Truncated
        layout = struct.Struct(f"<{count}{SCALARS[type_id]}")
        values = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def _string(self) -> str:
        length = self._u64()
        raw = self._data[self._at : self._at + length]
        if len(raw) != length:
            raise _Truncated
        self._at += length
        return raw.decode("utf-8", errors="surrogateescape")

    def _strings(self, count: int) -> list[str]:
        """A vocabulary: a hundred thousand of them, so this loop is kept tight."""
        data, at, length_at = self._data, self._at, _U64.unpack_from
        strings = []
        for _ in range(count):
            start = at + 8
            at = start + length_at(data, at)[0]
            strings.append(data[start:at].decode("utf-8", errors="surrogateescape"))
        if at > len(data):
            raise _Truncated
        self._at = at
        return strings

    def _u32(self) -> int:
        value: int = _U32.unpack_from(self._data, self._at)[0]
        self._at += 4
        return value

    def _u64(self) -> int:
        value: int = _U64.unpack_from(self._data, self._at)[0]
        self._at += 8
        return value
