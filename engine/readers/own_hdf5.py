"""Strainscope's own recordings: HDF5 with dataset `rf` (T, H, W), geometry as root attributes, optional truth."""

from pathlib import Path

import numpy as np

from engine.errors import ReadError
from engine.files.hdf5_reading import Group, dataset, inside, is_hdf5, open_hdf5, plain, root_attribute
from engine.files.own_formats import RECORDING, RESULT
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.checks import geometry_values
from engine.readers.common.hdf5_frames import FrameDataset
from engine.types import FrameTruth, Map, Truth, geometry_fields

MOTION = ("axial_displacement_m", "lateral_displacement_m", "axial_strain")


@READERS.entry
class OwnHdf5(Reader):
    """`format="strainscope-rf"`, version 1; the truth of simulated recordings is read lazily too."""

    name = RECORDING
    title = "Strainscope RF (HDF5)"
    extensions = (".h5", ".hdf5")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise by the root attribute `format`; our own results are recognised too, to say what they are."""
        return is_hdf5(head) and str(root_attribute(path, "format")).startswith("strainscope-")

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open a recording; a result file is refused with a sentence that says so."""
        with open_hdf5(path) as file:
            kind, version = plain(file.attrs["format"]), plain(file.attrs.get("version"))
            if kind == RESULT:
                raise ReadError(path, "is a result of Strainscope, not an RF recording")
            if kind != RECORDING or version != 1:
                raise ReadError(
                    path, f"format {kind!r}, version {version} is not known here (strainscope-rf, version 1)"
                )
            frames = FrameDataset(path, file, "rf", "fal")
            given = {name: plain(file.attrs[name]) for name in geometry_fields() if name in file.attrs}
            truth = _truth(path, file, frames.shape) if inside(path, file, "truth") is not None else None
        return Recording(frames.shape, geometry_values(path, given), frames, (path,), self.title, truth=truth)


def _truth(path: Path, file: Group, shape: tuple[int, int, int]) -> Truth:
    frames, rows, lines = shape
    expected: dict[str, tuple[int, ...]] = {f"truth/{name}": (frames - 1, rows, lines) for name in MOTION}
    expected |= {f"truth/{name}": (rows, lines) for name in ("inclusion_mask", "youngs_modulus_pa")}
    for name, wanted in expected.items():
        found = dataset(path, file, name).shape
        if found != wanted:
            raise ReadError(path, f"{name} has shape {found}, expected {wanted}")

    def read_frame(index: int) -> FrameTruth:
        if not 1 <= index < frames:
            raise ReadError(
                path, f"truth of frame {index} does not exist: frames 1 to {frames - 1} move against frame 0"
            )
        with open_hdf5(path) as again:
            maps = [_map(dataset(path, again, f"truth/{name}")[index - 1]) for name in MOTION]
        return FrameTruth(*maps)

    return Truth(
        read_frame,
        np.asarray(dataset(path, file, "truth/inclusion_mask")[()], dtype=np.int32),
        _map(dataset(path, file, "truth/youngs_modulus_pa")[()]),
    )


def _map(values: object) -> Map:
    return np.asarray(values, dtype=np.float32)
