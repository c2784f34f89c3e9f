"""Bytes inside a file, plain or deflated, read when they are asked for and never mapped into memory.

A mapped file that another program truncates, or a share that goes away, ends the whole process; a read that fails is an
error in one line. Deflated data are inflated from the nearest place that was kept, in pieces, so that neither time nor
memory grows with what a file claims to hold.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Any, Protocol

from engine.errors import ReadError

ZLIB, GZIP, RAW = zlib.MAX_WBITS, zlib.MAX_WBITS | 16, -zlib.MAX_WBITS
"""Forms of deflated data: with the header of zlib, of gzip, and with none, as in a zip archive."""

READ_BYTES, PIECE_BYTES, KEPT_EVERY = 1 << 16, 1 << 20, 1 << 23


class ByteRange(Protocol):
    """Something of known size that can be read from any place."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`."""


@dataclass(frozen=True)
class PlainRange:
    """Bytes of a file as they are; the file is open for each read only."""

    path: Path
    start: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`."""
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(self.start + offset)
            data = _read_fully(stream, min(count, max(0, self.size - offset)))
        if len(data) < count:
            raise ReadError(self.path, f"truncated: {count} bytes were expected at {offset}, {len(data)} are there")
        return data


@dataclass
class _Mark:
    """A place in the inflated bytes, where the next stored byte lies, and the inflater as it was there."""

    place: int
    at: int
    inflater: Any


class InflatedRange:
    """Bytes of one deflated stream, `size` of them by what the file says; gzip may have several members."""

    def __init__(self, path: Path, start: int, size: int, form: int = ZLIB) -> None:
        self.path, self.size, self._form = path, size, form
        self._lock = Lock()
        self._marks = [_Mark(0, start, zlib.decompressobj(form))]

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`."""
        with self._lock, self.path.open("rb", buffering=0) as stream:
            kept = max((mark for mark in self._marks if mark.place <= offset), key=lambda mark: mark.place)
            now = _Mark(kept.place, kept.at, kept.inflater.copy())
            parts: list[bytes] = []
            while now.place < offset + count:
                before = now.place
                piece = self._piece(stream, now)
                parts.append(piece[max(0, offset - before) : max(0, offset + count - before)])
                self._keep(now)
        return b"".join(parts)

    def _keep(self, now: _Mark) -> None:
        if now.place - self._marks[-1].place >= KEPT_EVERY:
            self._marks.append(_Mark(now.place, now.at, now.inflater.copy()))

    def _piece(self, stream: IO[bytes], now: _Mark) -> bytes:
        """Inflate the next piece, and move on."""
        while True:
            if now.inflater.eof:
                if self._form != GZIP:
                    raise ReadError(self.path, f"truncated: the compressed data end after {now.place} bytes")
                now.at -= len(now.inflater.unused_data)
                now.inflater = zlib.decompressobj(GZIP)
            try:
                piece: bytes = now.inflater.decompress(now.inflater.unconsumed_tail, PIECE_BYTES)
                if not piece and not now.inflater.eof:
                    stream.seek(now.at)
                    stored = stream.read(READ_BYTES)
                    now.at += len(stored)
                    piece = now.inflater.decompress(stored, PIECE_BYTES)
                    if not piece and not stored:
                        raise ReadError(self.path, f"truncated: the compressed data end after {now.place} bytes")
            except zlib.error as error:
                raise ReadError(self.path, f"damaged compressed data after {now.place} bytes ({error})") from None
            if piece:
                now.place += len(piece)
                return piece


def _read_fully(stream: IO[bytes], count: int) -> bytes:
    data = bytearray(count)
    view = memoryview(data)
    while view:
        read = stream.readinto(view)  # type: ignore[attr-defined]
        if not read:
            break
        view = view[read:]
    return bytes(data[: count - len(view)])
