"""A recording and its result in the zea data format (HDF5, layout of zea 0.1.8), for ultrasound deep learning.

One track, whose maps share one number of frames and one grid: `tracks/track_0/data/` holds `beamformed_data` (frames,
z, x, 1), `image` (B-mode, dB at most 0), `strain_percentage_map` and, as further maps, `axial_displacement`,
`lateral_displacement`, `quality`, `lateral_strain`, `shear_strain` and `lateral_strain_sigma`, each a group of
`values`, `coordinates` (z, x, 3) in m, `unit` and
`description`. With a recording the frames are the recording's, NaN where one was not estimated; without, they are the
estimated ones.

What the layout has no place for stands in `custom/strainscope`: sampling rate, centre frequency, speed of sound, line
pitch and the like (zea keeps them in `scan`, which also demands every transmit's delays; a beamformed recording does
not know them, so there is no `scan` group), which frame was compared with which, and the provenance.
Format: zea documentation, "zea data format", and its specification module.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from engine.errors import CancelledError, ParameterError, WriteError
from engine.export.base import WRITERS, Export, Writer
from engine.export.result_file import geometry_attributes
from engine.files.atomic import atomic_path
from engine.files.hdf5_writing import Hdf5Target
from engine.maps.components import COMPONENTS, components
from engine.preprocess.bmode import bmode_db, reference_level
from engine.preprocess.scan_conversion import ScanConverter
from engine.types import FrameEstimate, Geometry, Map, Provenance, Result, RFSequence

ZEA_VERSION = "0.1.8"
"""The version whose layout this is; readers tell old layouts by the lack of it."""
SUFFIXES = (".hdf5", ".h5")
CUSTOM = "custom/strainscope"
DATA = "tracks/track_0/data"
UNITS = {"hz": "Hz", "m_s": "m/s", "m": "m", "rad": "rad"}
COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


@dataclass(frozen=True)
class _Frame:
    """One frame to write, by the names of its maps; NaN stands for those that are not there."""

    maps: dict[str, Map]
    reference: int = -1


@dataclass(frozen=True)
class _Plan:
    """What is written of how many frames."""

    shape: tuple[int, int, int]
    geometry: Geometry
    frames: tuple[int, ...]
    maps: dict[str, tuple[str, str]] = field(default_factory=dict)


RECORDED = {
    "beamformed_data": ("\N{EN DASH}", "Beamformed RF lines."),
    "image": ("dB", "B-mode: log-compressed envelope; 0 dB is the 99.9th percentile of the first frame, or above."),
}
ESTIMATED = {
    **{name: ("\N{EN DASH}", words) for name, words in COMPONENTS.items()},
    "strain_percentage_map": ("%", "Axial strain against the reference frame, negative in compression."),
    "axial_displacement": ("m", "Axial displacement from the reference frame, positive away from the probe."),
    "lateral_displacement": ("m", "Lateral displacement from the reference frame."),
    "quality": ("\N{EN DASH}", "Local correlation of reference and motion-compensated frame, 0 to 1."),
}


def save_zea(
    path: Path,
    recording: RFSequence | None,
    result: Result | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Write a recording, a result, or both, frame by frame; either may be None, not both.

    A cancelled export is a CancelledError and leaves no file; a result of another recording's size a ParameterError.

    >>> save_zea(Path("arm.hdf5"), sequence, read_result(Path("arm-result.h5")))  # doctest: +SKIP
    """
    if path.suffix.lower() not in SUFFIXES:
        raise WriteError(f"cannot write {path}: a zea file ends in {' or '.join(SUFFIXES)}")
    plan = _plan(recording, result)
    with atomic_path(path) as temporary, Hdf5Target(temporary) as target:
        file = target.file
        file.attrs["zea_version"] = ZEA_VERSION
        file.attrs["description"] = "Ultrasound strain recording, written by Strainscope"
        targets = _create_maps(file, plan)
        references = []
        for index, frame in enumerate(_frames(plan, recording, result)):
            if cancelled():
                raise CancelledError("cancelled")
            for name, values in frame.maps.items():
                targets[name][index] = values.reshape(targets[name].shape[1:])
            references.append(frame.reference)
            target.check()
            progress(index + 1, len(plan.frames))
        _write_custom(file, plan, references, result)


@WRITERS.entry
class ZeaWriter(Writer):
    """A recording, a result or both in the zea data format."""

    name = "zea"
    title = "zea"
    help = "Recording, B-mode, displacement, strain and quality in the zea data format, for ultrasound deep learning"
    extensions: ClassVar = {".hdf5": "zea data format", ".h5": "zea data format"}
    file_name = "recording.hdf5"
    with_recording = True

    def refuses(self, export: Export) -> Literal[False] | str:
        """Refuse only where there is nothing at all."""
        nothing = export.recording is None and export.result is None
        return "a zea file needs a recording, a result, or both" if nothing else False

    def write(self, export: Export, path: Path) -> None:
        """Write what there is."""
        save_zea(path, export.recording, export.result, export.progress, export.cancelled)


def _plan(recording: RFSequence | None, result: Result | None) -> _Plan:
    if recording is None and result is None:
        raise ParameterError("a zea file needs a recording, a result, or both")
    if recording is None:
        assert result is not None
        return _Plan(result.shape, result.geometry, result.deformed_frames, ESTIMATED)
    if result is None:
        return _Plan(recording.shape, recording.geometry, tuple(range(recording.shape[0])), RECORDED)
    beyond = max(result.deformed_frames, default=0) >= recording.shape[0]
    if recording.shape[1:] != result.shape[1:] or beyond:
        found, wanted = (" x ".join(map(str, shape)) for shape in (recording.shape, result.shape))
        raise ParameterError(f"a recording of {found} does not belong to a result of {wanted}")
    frames = tuple(range(recording.shape[0]))
    return _Plan(recording.shape, recording.geometry, frames, {**RECORDED, **ESTIMATED})


def _frames(plan: _Plan, recording: RFSequence | None, result: Result | None) -> Iterator[_Frame]:
    level = 0.0 if recording is None else reference_level(recording.frame(0))
    rows = {} if result is None else {frame: row for row, frame in enumerate(result.deformed_frames)}
    for frame in plan.frames:
        maps: dict[str, Map] = {}
        if recording is not None:
            rf = recording.frame(frame)
            image = np.minimum(bmode_db(rf, reference_level=level or None), np.float32(0))
            maps = {"beamformed_data": rf, "image": image}
        if result is None or frame not in rows:
            yield _Frame(maps)
            continue
        estimate = result.read_frame(rows[frame])
        others = components(estimate, result.provenance.method)
        yield _Frame({**maps, **_estimated(estimate), **others}, estimate.reference_frame)


def _estimated(estimate: FrameEstimate) -> dict[str, Map]:
    return {
        "strain_percentage_map": estimate.strain.axial * np.float32(100),
        "axial_displacement": estimate.displacement.axial_m,
        "lateral_displacement": estimate.displacement.lateral_m,
        "quality": estimate.quality,
    }


def _create_maps(file: h5py.File, plan: _Plan) -> dict[str, h5py.Dataset]:
    """Create every map's group; values that are never written stay NaN."""
    targets: dict[str, h5py.Dataset] = {}
    grid: h5py.Dataset | None = None
    places = _coordinates(plan.geometry, plan.shape[1:])
    count, height, width = len(plan.frames), *plan.shape[1:]
    for name, (unit, description) in plan.maps.items():
        group = file.create_group(f"{DATA}/{name}")
        shape = (count, height, width, 1) if name == "beamformed_data" else (count, height, width)
        targets[name] = _described(
            group.create_dataset(
                "values", shape, np.float32, chunks=(1, *shape[1:]), fillvalue=np.float32(np.nan), **COMPRESSION
            ),
            unit,
            description,
        )
        if grid is None:
            grid = group.create_dataset("coordinates", data=places, **COMPRESSION)
            _described(grid, "m", "Per-pixel Cartesian positions (x, y, z), the same for all frames.")
        else:
            group["coordinates"] = grid  # the same dataset under another name, not a copy
        _described(group.create_dataset("unit", data=unit), "\N{EN DASH}", "Physical unit of the values.")
        _described(group.create_dataset("description", data=description), "\N{EN DASH}", "What the map shows.")
        if name == "beamformed_data":
            labels = np.array(["RF"], dtype=object)
            made = group.create_dataset("labels", data=labels, dtype=h5py.string_dtype("utf-8"))
            _described(made, "\N{EN DASH}", "Channel labels.")
    return targets


def _coordinates(geometry: Geometry, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Place of every pixel (H, W, 3) as x, y, z in metres; lines that fan out lie where they truly do."""
    height, width = shape
    if geometry.sector is None:
        x, z = np.meshgrid(geometry.laterals_m(width), geometry.depths_m(height))
    else:
        row, line = np.mgrid[:height, :width].astype(np.float64)
        x, z = ScanConverter(geometry, shape, geometry.pitch_m).to_image(row, line)
    return np.stack([x, np.zeros_like(x), z], axis=-1).astype(np.float32)


def _write_custom(file: h5py.File, plan: _Plan, references: list[int], result: Result | None) -> None:
    """Write what the layout has no place for, each with description and unit as zea's custom elements have."""
    group = file.create_group(CUSTOM)
    file["custom"].attrs["description"] = "Elements that are not part of the zea format."
    for name, value in geometry_attributes(plan.geometry).items():
        unit = next((text for ending, text in UNITS.items() if name.endswith(f"_{ending}")), "\N{EN DASH}")
        where = "where it comes from: file, user or assumed" if name.endswith("_source") else "geometry of the lines"
        _described(group.create_dataset(name, data=value), unit, f"{name.replace('_', ' ')}: {where}")
    numbers = {"recorded_frame": (plan.frames, "Number of each frame in the recording, counted from 0.")}
    if result is not None:
        words = "Frame that each frame was compared with, counted from 0; -1 where it was not estimated."
        numbers["reference_frame"] = (tuple(references), words)
    for name, (values, description) in numbers.items():
        _described(group.create_dataset(name, data=np.asarray(values, dtype=np.int64)), "#", description)
    if result is not None:
        for name, text in _provenance_texts(result.provenance).items():
            _described(group.create_dataset(name, data=text), "\N{EN DASH}", "Provenance of the strain.")


def _provenance_texts(provenance: Provenance) -> dict[str, str]:
    texts = {entry.name: str(getattr(provenance, entry.name)) for entry in fields(Provenance)}
    return {**texts, "parameters": json.dumps(dict(provenance.parameters), sort_keys=True, default=str)}


def _described(made: Any, unit: str, description: str) -> Any:
    made.attrs["unit"] = unit
    made.attrs["description"] = description
    return made
