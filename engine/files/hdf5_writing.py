"""A new HDF5 file on a disk that may run full: the failure is told once, as an OSError, and the program goes on.

The HDF5 library cannot close a file whose last writes fail: it keeps it open, complains to stderr for every object in
it, and crashes when the program ends. So it is never told. It writes to a file object that takes note of the first
failure and pretends from then on; whoever writes asks `check` after each frame.
"""

from io import SEEK_CUR, SEEK_END, SEEK_SET
from pathlib import Path
from types import TracebackType
from typing import Self

KEPT_BYTES = 1 << 16
"""Writes up to this size are metadata, which HDF5 may read back; larger ones are dropped once the disk is full."""


class Hdf5Target:
    """An HDF5 file that is written from the beginning; an OSError when it ends if anything could not be written.

    >>> with Hdf5Target(path) as target:  # doctest: +SKIP
    ...     target.file["frames"] = frames
    ...     target.check()
    """

    def __init__(self, path: Path) -> None:
        import h5py  # what only reads needs it in another process

        self._disk = _Disk(path)
        try:
            self.file = h5py.File(self._disk, "w")
        except BaseException:
            self._disk.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(quiet=kind is not None)

    def check(self) -> None:
        """Raise the OSError that writing met, if it met one; what is still in memory shows at the end."""
        if self._disk.failure is not None:
            raise self._disk.failure

    def close(self, *, quiet: bool = False) -> None:
        """End the file; without `quiet`, raise the OSError if not all of it is on the disk."""
        self.file.close()
        self._disk.close()
        if not quiet:
            self.check()


class _Disk:
    """What HDF5 sees as its file: bytes that can be read and written anywhere, and never fail."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._place = 0
        self._end = 0
        self._lost: list[tuple[int, bytes]] = []
        self.failure: OSError | None = None

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._place = offset + {SEEK_SET: 0, SEEK_CUR: self._place, SEEK_END: self._end}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def write(self, content: bytes | memoryview) -> int:
        data = memoryview(content).cast("B")
        if self.failure is None:
            try:
                self._write(data)
            except OSError as error:
                self.failure = error
        if self.failure is not None and len(data) <= KEPT_BYTES:
            self._lost.append((self._place, bytes(data)))
        self._place += len(data)
        self._end = max(self._end, self._place)
        return len(data)

    def read(self, size: int) -> bytes:
        data = bytearray(size)
        self.readinto(data)
        return bytes(data)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        data = memoryview(buffer).cast("B")
        data[:] = bytes(len(data))
        self._file.seek(self._place)
        found = self._file.read(len(data)) or b""
        data[: len(found)] = found
        for place, content in self._lost:
            first, last = max(place, self._place), min(place + len(content), self._place + len(data))
            if first < last:
                data[first - self._place : last - self._place] = content[first - place : last - place]
        self._place += len(data)
        return len(data)

    def truncate(self, size: int) -> int:
        if self.failure is None:
            try:
                self._file.truncate(size)
            except OSError as error:
                self.failure = error
        self._end = size
        return size

    def flush(self) -> None:
        """Do nothing: every write goes to the system at once."""

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error

    def _write(self, data: memoryview) -> None:
        self._file.seek(self._place)
        while data:
            written = self._file.write(data)
            data = data[written:]
