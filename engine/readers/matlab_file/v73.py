"""Variables of a MATLAB v7.3 file: HDF5 after a user block of 512 bytes, axes reversed, structures as groups."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.hdf5_reading import dataset, inside, open_hdf5, plain
from engine.readers.common.axes import take_frame
from engine.readers.common.checks import sequence_shape
from engine.readers.common.hdf5_frames import FrameDataset
from engine.readers.common.oscillation import middle_block
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
        self._arrays: dict[str, Variable] = {}
        self._places: dict[str, str] = {}

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

    def arrays(self) -> dict[str, Variable]:
        """Return arrays of numbers by their paths, also those inside structures and cells (`data.rf`, `RF(2)`)."""
        if not self._places:
            with open_hdf5(self.path) as file:
                for name in self.variables:
                    for path, found in _datasets_in(file, inside(self.path, file, name), name):
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


def _datasets_in(file: "h5py.File", found: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield datasets of numbers in nested structures and cells, with their paths in MATLAB's spelling."""
    import h5py

    if depth > LARGEST_DEPTH:
        return
    if isinstance(found, h5py.Group):
        for name in found:
            yield from _datasets_in(file, inside(Path(file.filename), found, name), f"{path}.{name}", depth + 1)
    elif isinstance(found, h5py.Dataset) and found.dtype.kind == "O":
        references = found[()].T.reshape(-1)[:LARGEST_CELLS] if found.size <= LARGEST_VALUE else ()
        single = len(references) == 1
        for number, reference in enumerate(references, 1):
            if isinstance(reference, h5py.Reference) and reference:
                yield from _datasets_in(file, file[reference], path if single else f"{path}({number})", depth + 1)
    elif isinstance(found, h5py.Dataset):
        yield path, found


def _variable(name: str, found: Any) -> Variable:
    import h5py

    if not isinstance(found, h5py.Dataset):
        return Variable(name, (), None, False, isinstance(found, h5py.Group))
    kind = plain(found.attrs.get("MATLAB_class", "double"))
    is_complex = found.dtype.names == ("real", "imag")
    item = found.dtype["real"] if is_complex else found.dtype
    numeric = item.kind in "iuf" and kind not in {"char", "logical", "cell"}
    is_cell = found.dtype.kind == "O"
    return Variable(name, found.shape[::-1], np.dtype(item) if numeric else None, is_complex, False, is_cell)


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
