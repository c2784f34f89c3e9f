"""Reading inside an lzop container, whose blocks are inflated when they are needed.

lzop: magic, big-endian header with optional fields, then blocks of (inflated size, stored size, checksums, data) until
an inflated size of 0. Format: lzop 1.04, `conf.h`; LZO1X data as in the LZO library.
"""

import struct
from bisect import bisect_right
from pathlib import Path
from typing import IO

from engine.errors import ReadError

MAGIC = b"\x89LZO\x00\r\n\x1a\n"
LARGEST_BLOCK = 2**19
"""Bytes of a block; lzop makes them of 2**18. The library inflates what a block holds, not what it says."""

MOST_BLOCKS = 2**20
ADLER_PLAIN, ADLER_STORED, EXTRA, CRC_PLAIN, CRC_STORED, FILTER = 0x1, 0x2, 0x40, 0x100, 0x200, 0x800


class LzopRange:
    """Bytes of an lzop container; only the blocks that are asked for are inflated."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self.path = path
        self._starts: list[int] = []
        self._blocks: list[tuple[int, int, int]] = []
        with path.open("rb") as stream:
            stream.seek(start)
            flags = _skip_header(path, stream)
            self.size = self._index(stream, flags, start + size)

    def _index(self, stream: IO[bytes], flags: int, end: int) -> int:
        total = 0
        while plain := struct.unpack(">I", stream.read(4))[0]:
            (stored,) = struct.unpack(">I", stream.read(4))
            checks = bin(flags & (ADLER_PLAIN | CRC_PLAIN)).count("1")
            checks += bin(flags & (ADLER_STORED | CRC_STORED)).count("1") if stored < plain else 0
            place = stream.seek(4 * checks, 1)
            if plain > LARGEST_BLOCK or stored > plain or place + stored > end:
                raise ReadError(self.path, f"damaged or truncated LZO data: a block of {stored} bytes at {place}")
            if len(self._blocks) >= MOST_BLOCKS:
                raise ReadError(self.path, f"LZO data of more than {MOST_BLOCKS} blocks")
            self._starts.append(total)
            self._blocks.append((place, stored, plain))
            total += plain
            stream.seek(stored, 1)
        return total

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`."""
        if offset + count > self.size:
            raise ReadError(self.path, f"truncated: {offset + count} bytes were expected, {self.size} are there")
        number = bisect_right(self._starts, offset) - 1
        parts: list[bytes] = []
        have = -(offset - self._starts[number]) if self._starts else 0
        skip = -have
        with self.path.open("rb") as stream:
            while have < count:
                parts.append(self._block(stream, number))
                have += len(parts[-1])
                number += 1
        return b"".join(parts)[skip : skip + count]

    def _block(self, stream: IO[bytes], number: int) -> bytes:
        place, stored, plain = self._blocks[number]
        stream.seek(place)
        data = stream.read(stored)
        if stored == plain:
            return data
        from lzallright import LZOCompressor, LZOError

        try:
            inflated = LZOCompressor.decompress(data, output_size_hint=plain)
        except LZOError:
            raise ReadError(self.path, f"damaged LZO data in block {number}") from None
        if len(inflated) != plain:
            raise ReadError(self.path, f"damaged LZO data: block {number} has {len(inflated)} bytes, not {plain}")
        return inflated


def _skip_header(path: Path, stream: IO[bytes]) -> int:
    """Read to the first block; return the flags."""
    if stream.read(9) != MAGIC:
        raise ReadError(path, "is no lzop container")
    (version,) = struct.unpack(">H", stream.read(2))
    modern = version >= 0x0940
    stream.seek(4 if modern else 2, 1)  # library version, version needed
    method = stream.read(2 if modern else 1)[0]
    if method not in {1, 2, 3}:
        raise ReadError(path, f"LZO method {method} is not LZO1X")
    (flags,) = struct.unpack(">I", stream.read(4))
    if flags & FILTER:
        raise ReadError(path, "LZO data with a filter are not read")
    stream.seek(12 if modern else 8, 1)  # mode, times
    stream.seek(stream.read(1)[0] + 4, 1)  # name, checksum
    if flags & EXTRA:
        (length,) = struct.unpack(">I", stream.read(4))
        stream.seek(length + 4, 1)
    return int(flags)
