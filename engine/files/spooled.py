"""Maps that are kept by their number: in memory as long as they are few, then in a file that vanishes with them."""

from collections.abc import Iterator, Mapping
from io import SEEK_END
from tempfile import SpooledTemporaryFile
from threading import Lock
from weakref import finalize

import numpy as np

from engine.types import Map

IN_MEMORY = 64 * 2**20
"""Bytes that are kept in memory."""


class SpooledMaps(Mapping[int, Map]):
    """Maps of one shape and type, in the order in which they came.

    >>> maps = SpooledMaps()
    >>> maps.add(7, np.ones((2, 3), np.float32))
    >>> list(maps), maps[7].shape
    ([7], (2, 3))
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._file = SpooledTemporaryFile(max_size=in_memory)  # noqa: SIM115
        finalize(self, self._file.close)
        self._lock = Lock()
        """Frames side by side read from one file, which has one position."""
        self._places: dict[int, int] = {}
        self._like = np.empty(0, np.float32)

    def add(self, number: int, values: Map) -> None:
        """Keep a map."""
        self._like = np.empty_like(values)
        with self._lock:
            self._places[number] = self._file.seek(0, SEEK_END)
            self._file.write(values.tobytes())

    def __getitem__(self, number: int) -> Map:
        with self._lock:
            self._file.seek(self._places[number])
            stored = self._file.read(self._like.nbytes)
        return np.frombuffer(bytearray(stored), self._like.dtype).reshape(self._like.shape)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
