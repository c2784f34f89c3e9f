"""Variables of a MATLAB v7.3 file: HDF5 after a user block of 512 bytes, axes reversed, structures as groups."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.hdf5_reading import Dataset, Group, arrays_below, dataset, inside, nested, open_hdf5, plain
from engine.readers.common.axes import take_frame
from engine.readers.common.checks import sequence_shape
from engine.readers.common.hdf5_frames import FrameDataset
from engine.readers.common.oscillation import middle_block
from engine.readers.matlab_file.v5 import Buffer, Variable

LARGEST_DEPTH = 4
SMALLEST_ARRAY = 16
"""Entries below which an array in a structure or cell is passed over: no frame of RF is so small."""


class MatlabV73:
    """The variables of one file, found without reading their values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_hdf5(path) as file:
            names = [name for name in file if not name.startswith("#")]
            self.variables = {name: _variable(name, inside(path, file, name)) for name in names}
        self._arrays: dict[str, Variable] = {}
        self._places: dict[str, str] = {}

    def value(self, name: str) -> Any:
        """Return a variable, structures as dictionaries, cells as lists, text as str."""
        with open_hdf5(self.path) as file:
            return nested(self.path, file, name)

    def buffer(self, name: str) -> Buffer:
        """Return the array, or the first array of a cell, frame by frame, each read when it is asked for."""
        with open_hdf5(self.path) as file:
            found = dataset(self.path, file, name)
            for _ in range(LARGEST_DEPTH):
                if found.kind == "reference" and found.first:
                    found = dataset(self.path, file, "/".join(found.first))
            place, shape = found.name, found.shape[::-1]
            is_complex = found.dtype.names == ("real", "imag")
            if not 2 <= len(shape) <= 4 or not (is_complex or found.dtype.kind in "iuf"):
                raise ReadError(self.path, f"{name} holds no samples: {found.dtype}, shape {shape}")
            sequence_shape(self.path, math.prod(shape[2:]), shape[0], shape[1])

        def read(index: int) -> NDArray[Any]:
            with open_hdf5(self.path) as again:
                stored = dataset(self.path, again, place)
                taken = stored[()] if stored.ndim == 2 else stored[(index, *(0,) * (stored.ndim - 3))]
            return np.asarray(taken["real"] + 1j * taken["imag"] if is_complex else taken).T

        return Buffer(shape, is_complex, read)

    def arrays(self) -> dict[str, Variable]:
        """Return arrays of numbers by their paths, also those inside structures and cells (`data.rf`, `RF(2)`)."""
        if not self._places:
            with open_hdf5(self.path) as file:
                for name in self.variables:
                    for path, found in arrays_below(self.path, file, name, SMALLEST_ARRAY).items():
                        each = _variable(path, found)
                        if each.dtype is not None:
                            self._arrays[path], self._places[path] = each, found.name
        return self._arrays

    def block(self, path: str) -> NDArray[Any]:
        """Return a block out of the middle of an array."""
        with open_hdf5(self.path) as file:
            found = dataset(self.path, file, self._places[path])
            return _numbers(middle_block(found, found.shape)).T

    def frames(self, path: str, axes: str) -> Callable[[int], NDArray[Any]]:
        """Return a reader of frames (H, W), complex where the array is; `axes` are MATLAB's, stored reversed."""
        place = self._places[path]
        if self._arrays[path].is_complex:
            return lambda index: self._complex_frame(place, axes, index)
        with open_hdf5(self.path) as file:
            return FrameDataset(self.path, file, place, axes[::-1])

    def _complex_frame(self, place: str, axes: str, index: int) -> NDArray[Any]:
        with open_hdf5(self.path) as file:
            return _numbers(take_frame(dataset(self.path, file, place), axes[::-1], index))


def _numbers(stored: NDArray[Any]) -> NDArray[Any]:
    """Return pairs of real and imaginary parts as complex numbers, others as they are."""
    return np.asarray(stored["real"] + 1j * stored["imag"]) if stored.dtype.names else stored


def _variable(name: str, found: Any) -> Variable:
    if not isinstance(found, Dataset):
        return Variable(name, (), None, False, isinstance(found, Group))
    kind = plain(found.attrs.get("MATLAB_class", "double"))
    is_complex = found.dtype.names == ("real", "imag")
    item = found.dtype["real"] if is_complex else found.dtype
    numeric = item.kind in "iuf" and kind not in {"char", "logical", "cell"}
    is_cell = found.kind == "reference"
    return Variable(name, found.shape[::-1], np.dtype(item) if numeric else None, is_complex, False, is_cell)
