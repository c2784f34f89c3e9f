"""Variables of a MATLAB v7.3 file: HDF5 after a user block of 512 bytes, axes reversed, structures as groups."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.hdf5_reading import dataset, inside, open_hdf5, plain
from engine.readers.common.axes import take_frame
from engine.readers.common.checks import sequence_shape
from engine.readers.common.hdf5_frames import FrameDataset
from engine.readers.matlab_file.v5 import Buffer, Variable

if TYPE_CHECKING:
    import h5py

LARGEST_VALUE = 2**20
"""Entries of a value inside a structure above which it is left out: geometry is small."""
LARGEST_CELLS = 2**14
LARGEST_DEPTH = 4


class MatlabV73:
    """The variables of one file, found without reading their values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_hdf5(path) as file:
            names = [name for name in file if not name.startswith("#")]
            self.variables = {name: _variable(name, inside(path, file, name)) for name in names}

    def value(self, name: str) -> Any:
        """Return a variable, structures as dictionaries, cells as lists, text as str."""
        with open_hdf5(self.path) as file:
            return _plain(file, inside(self.path, file, name))

    def buffer(self, name: str) -> Buffer:
        """Return the array, or the first array of a cell, frame by frame, each read when it is asked for."""
        with open_hdf5(self.path) as file:
            found = dataset(self.path, file, name)
            for _ in range(LARGEST_DEPTH):
                if found.dtype.kind == "O" and found.size:
                    found = file[found[()].reshape(-1)[0]]
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

    def frames(self, name: str, axes: str) -> Callable[[int], NDArray[Any]]:
        """Return a reader of frames (H, W), complex where the array is; `axes` are MATLAB's, stored reversed."""
        if self.variables[name].is_complex:
            return lambda index: self._complex_frame(name, axes, index)
        with open_hdf5(self.path) as file:
            return FrameDataset(self.path, file, name, axes[::-1])

    def _complex_frame(self, name: str, axes: str, index: int) -> NDArray[Any]:
        with open_hdf5(self.path) as file:
            pairs = take_frame(dataset(self.path, file, name), axes[::-1], index)
        return np.asarray(pairs["real"] + 1j * pairs["imag"])


def _variable(name: str, found: Any) -> Variable:
    import h5py

    if not isinstance(found, h5py.Dataset):
        return Variable(name, (), None, False, isinstance(found, h5py.Group))
    kind = plain(found.attrs.get("MATLAB_class", "double"))
    is_complex = found.dtype.names == ("real", "imag")
    item = found.dtype["real"] if is_complex else found.dtype
    numeric = item.kind in "iuf" and kind not in {"char", "logical", "cell"}
    return Variable(name, found.shape[::-1], np.dtype(item) if numeric else None, is_complex, False)


def _plain(file: "h5py.File", found: Any) -> Any:
    import h5py

    if isinstance(found, h5py.Group):
        return {name: _plain(file, found[name]) for name in found}
    if found.size > LARGEST_VALUE or "MATLAB_empty" in found.attrs:
        return None
    if found.dtype.kind == "O":
        references = found[()].T.reshape(-1)[:LARGEST_CELLS]
        values = [_plain(file, file[reference]) for reference in references if reference]
        return values[0] if len(values) == 1 else values
    if plain(found.attrs.get("MATLAB_class", "")) == "char":
        return "".join(chr(code) for code in found[()].T.reshape(-1))
    values = found[()].T
    return plain(values) if values.size == 1 else np.squeeze(values)
