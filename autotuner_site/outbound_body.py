"""The body of an answer, counted as it comes: no more of it than was allowed, packed or not."""

import zlib
from collections.abc import Callable, Iterator, Mapping

import httpcore

_STEP = 64 * 1024


class BodyCut(Exception):
    """A body that nobody may have in part is longer than allowed; the message is for users."""


def read_body(
    response: httpcore.Response,
    headers: Mapping[str, str],
    max_bytes: int,
    sink: Callable[[bytes], None] | None,
) -> tuple[bytes, int, bool]:
    """What was kept, how many bytes came, and whether there was more. With a sink nothing is kept,
    and a body that is too long raises BodyCut."""
    kept = bytearray()
    take = sink or kept.extend
    size = 0
    if sink and _told(headers) > max_bytes:
        raise _cut(max_bytes)
    for part in _decoded(response, headers.get("content-encoding", "").strip().lower()):
        fits = part[: max_bytes - size]
        take(fits)
        size += len(fits)
        if len(fits) < len(part):
            if sink:
                raise _cut(max_bytes)
            return bytes(kept), size, True
    return bytes(kept), size, False


def _told(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    return int(text) if text.isdecimal() else 0


def _cut(max_bytes: int) -> BodyCut:
    mib = max_bytes / 1024**2
    return BodyCut(f"The answer is longer than the {mib:g} MiB that are taken at most.")


def _decoded(response: httpcore.Response, encoding: str) -> Iterator[bytes]:
    """We ask for none; a server that packs all the same is unpacked in small steps."""
    parts = response.iter_stream()
    if encoding in {"gzip", "x-gzip"}:
        return _gunzipped(parts)
    if encoding in {"", "identity"}:
        return iter(parts)
    raise httpcore.RemoteProtocolError(
        f"an answer packed as {encoding[:20]!r}, without being asked"
    )


def _gunzipped(parts: Iterator[bytes]) -> Iterator[bytes]:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for part in parts:
        rest = part
        while rest:
            if unpack.eof:  # another member follows
                unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                yield unpack.decompress(rest, _STEP)
            except zlib.error as error:
                raise httpcore.RemoteProtocolError("what is said to be gzip is not") from error
            rest = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    while not unpack.eof and (last := unpack.decompress(b"", _STEP)):
        yield last
    if not unpack.eof:
        raise httpcore.RemoteProtocolError("gzip that ends in the middle")
