"""Writing a recording in our own HDF5 format, `strainscope-rf` version 1, with the truth of simulated ones.

The same recording gives the same bytes: no times are stored, and the order of writing is fixed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.files.atomic import atomic_path
from engine.files.own_formats import RECORDING
from engine.readers.own_hdf5 import MOTION
from engine.types import RFSequence, geometry_fields

VERSION = 1
_LARGEST_COUNT = 30000


def write_recording(
    path: Path,
    sequence: RFSequence,
    *,
    with_truth: bool = True,
    attributes: Mapping[str, float | str | Sequence[float]] | None = None,
) -> None:
    """Write frames as int16, scaled so that the largest sample of the recording is 30000, compressed without loss.

    Parameters
    ----------
    path
        File of the format `strainscope-rf`; it appears when it is complete.
    sequence
        Recording (T, H, W); its geometry goes into root attributes, in SI.
    with_truth
        Whether to write the truth of a simulated recording too.
    attributes
        Further root attributes, by name.

    Raises
    ------
    WriteError
        The file cannot be written; a file of that name is left as it was.

    >>> write_recording(Path("phantom.h5"), simulate(plan, seed=1).sequence())  # doctest: +SKIP
    """
    from engine.files.hdf5_writing import Hdf5Target

    with atomic_path(path) as temporary, Hdf5Target(temporary) as target:
        file = target.file
        file.attrs["format"] = RECORDING
        file.attrs["version"] = VERSION
        for name in geometry_fields():
            value = getattr(sequence.geometry, name)
            if value is not None:
                file.attrs[name] = float(value)
        for name, entry in (attributes or {}).items():
            file.attrs[name] = entry
        _write_frames(file, sequence)
        if with_truth and sequence.truth is not None:
            _write_truth(file, sequence)


def _write_frames(file: Any, sequence: RFSequence) -> None:
    frames = range(sequence.shape[0])
    peak = max(float(np.abs(sequence.frame(index)).max()) for index in frames)
    scale = _LARGEST_COUNT / peak if peak > 0 else 1.0
    stored = _dataset(file, "rf", sequence.shape, np.int16)
    for index in frames:
        stored[index] = np.rint(sequence.frame(index) * scale).astype(np.int16)


def _write_truth(file: Any, sequence: RFSequence) -> None:
    truth = sequence.truth
    assert truth is not None
    total, height, width = sequence.shape
    group = file.create_group("truth")
    maps = {name: _dataset(group, name, (total - 1, height, width), np.float32) for name in MOTION}
    for index in range(1, total):
        motion = truth.read_frame(index)
        for name, stored in maps.items():
            stored[index - 1] = getattr(motion, name)
    _dataset(group, "inclusion_mask", (height, width), np.int32)[...] = truth.inclusion_mask
    _dataset(group, "youngs_modulus_pa", (height, width), np.float32)[...] = truth.youngs_modulus_pa


def _dataset(group: Any, name: str, shape: tuple[int, ...], kind: type) -> Any:
    """Chunked by frame, so that one frame is read alone; empty shapes cannot be chunked."""
    if 0 in shape:
        return group.create_dataset(name, shape, kind, track_times=False)
    chunks = (1, *shape[1:]) if len(shape) == 3 else shape
    return group.create_dataset(
        name, shape, kind, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True, track_times=False
    )
