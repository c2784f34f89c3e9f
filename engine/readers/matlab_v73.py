"""Variables of a MATLAB v7.3 file: HDF5 after a user block of 512 bytes, axes reversed, structures as groups."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.readers.hdf5 import FrameDataset, dataset, inside, open_hdf5, plain
from engine.readers.matlab_v5 import Variable
from engine.types import Map

if TYPE_CHECKING:
    import h5py

LARGEST_VALUE = 2**20
"""Entries of a value inside a structure above which it is left out: geometry is small."""
LARGEST_CELLS = 2**14


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

    def frames(self, name: str, axes: str) -> Callable[[int], Map]:
        """Return a reader of frames (H, W); `axes` are MATLAB's, which are stored reversed."""
        with open_hdf5(self.path) as file:
            return FrameDataset(self.path, file, name, axes[::-1])

    def complex_frames(self, name: str, axes: str) -> Callable[[int], np.ndarray]:
        """Return a reader of complex frames (H, W)."""
        from engine.readers.axes import take_frame

        def read(index: int) -> np.ndarray:
            with open_hdf5(self.path) as file:
                pairs = take_frame(dataset(self.path, file, name), axes[::-1], index)
            return np.asarray(pairs["real"] + 1j * pairs["imag"])

        return read


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
