"""Frames of an HDF5 dataset, read one at a time; what a file must be is checked when it is opened."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ReadError
from engine.files.hdf5_reading import dataset, open_hdf5
from engine.readers.common.axes import arranged_shape, take_frame
from engine.readers.common.checks import require_numbers, sequence_shape
from engine.types import Map

if TYPE_CHECKING:
    import h5py


class FrameDataset:
    """Frames (H, W) of one dataset of 2 or 3 axes in any order, each read when it is asked for."""

    def __init__(self, path: Path, file: "h5py.File", name: str, axes: str) -> None:
        found = dataset(path, file, name)
        if found.ndim != len(axes):
            raise ReadError(path, f"{name} must have {len(axes)} axes, found shape {found.shape}")
        require_numbers(path, found.dtype, name)
        self.shape = sequence_shape(path, *arranged_shape(found.shape, axes))
        if found.id.get_storage_size() == 0:
            raise ReadError(path, f"{name} holds no values: shape {found.shape}, nothing stored")
        self._path, self._name, self._axes = path, name, axes

    def __call__(self, index: int) -> Map:
        """Read one frame; the file is opened for just that long."""
        with open_hdf5(self._path) as file:
            return take_frame(dataset(self._path, file, self._name), self._axes, index)
