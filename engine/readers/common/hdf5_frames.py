"""Frames of an HDF5 dataset, read one at a time; what a file must be is checked when it is opened."""

from pathlib import Path

from engine.errors import ReadError
from engine.files.hdf5_reading import Dataset, Group, dataset
from engine.readers.common.axes import arranged_shape, take_frame
from engine.readers.common.checks import DEFLATE_RATIO, require_numbers, sequence_shape
from engine.types import Map


def require_stored(path: Path, found: Dataset, name: str) -> None:
    """Refuse a dataset that says it is large and holds next to nothing: no compression makes so much of so little."""
    if found.stored_bytes * DEFLATE_RATIO < found.size * found.dtype.itemsize:
        raise ReadError(
            path, f"{name} of shape {found.shape} holds no values, or few: {found.stored_bytes} bytes are stored"
        )


class FrameDataset:
    """Frames (H, W) of one dataset of 2 or 3 axes in any order, each read when it is asked for."""

    def __init__(self, path: Path, file: Group, name: str, axes: str) -> None:
        found = dataset(path, file, name)
        if found.ndim != len(axes):
            raise ReadError(path, f"{name} must have {len(axes)} axes, found shape {found.shape}")
        require_numbers(path, found.dtype, name)
        self.shape = sequence_shape(path, *arranged_shape(found.shape, axes))
        require_stored(path, found, name)
        self._found, self._axes = found, axes

    def __call__(self, index: int) -> Map:
        """Read one frame; the file is opened for just that long."""
        return take_frame(self._found, self._axes, index)
