"""UFF of the UltraSound ToolBox (USTB): HDF5 groups with an attribute `class`, of MATLAB arrays and so transposed.

`uff.beamformed_data` holds [pixel x channel x wave x frame] on a linear or sector scan; `uff.channel_data` holds
[time x channel x wave x frame], beamformed here. IQ is relative to the carrier `modulation_frequency`.
Format: USTB, Rodriguez-Molares et al., "The UltraSound ToolBox", IEEE IUS 2017.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.hdf5_reading import Group, dataset, inside, is_hdf5, number_at, open_hdf5, plain, small_array
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.channel_data.beamform import ChannelRecording, Transmit
from engine.readers.channel_data.recording import beamformed
from engine.readers.common.checks import finite, positive, require_numbers, sequence_shape
from engine.readers.common.remodulate import RemodulatedFrames
from engine.types import Sector

BEAMFORMED, CHANNELS = "uff.beamformed_data", "uff.channel_data"
PLANE, SPHERICAL = 0, 1


@READERS.entry
class Uff(Reader):
    """Beamformed data first, else channel data."""

    name = "uff"
    title = "UFF / USTB (.uff)"
    extensions = (".uff",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise by the classes of the groups."""
        if not is_hdf5(head):
            return False
        with open_hdf5(path) as file:
            return any(_class(inside(path, file, name)).startswith("uff.") for name in file)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the chosen group."""
        with open_hdf5(path) as file:
            classes = {name: _class(inside(path, file, name)) for name in file}
            fitting = tuple(name for kind in (BEAMFORMED, CHANNELS) for name in classes if classes[name] == kind)
            variable = choose_variable(path, fitting, tuple(classes), options.variable)
            read = _read_beamformed if classes[variable] == BEAMFORMED else _read_channels
            return read(path, file, variable, fitting)


class _Data:
    """The array `data` of a group, real, or complex as two datasets; axes given slowest first as stored."""

    def __init__(self, path: Path, group: Group, name: str) -> None:
        found = inside(path, group, "data")
        self.is_complex = found is not None and "real" in getattr(found, "keys", list)()
        first = dataset(path, group, "data/real" if self.is_complex else "data")
        require_numbers(path, first.dtype, f"{name}/data")
        self.shape = first.shape
        self._path, self._name = path, f"{name}/data"

    def take(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Read a part."""
        with open_hdf5(self._path) as file:
            if not self.is_complex:
                return np.asarray(dataset(self._path, file, self._name)[key])
            real, imaginary = (dataset(self._path, file, f"{self._name}/{part}")[key] for part in ("real", "imag"))
        return np.asarray(real + 1j * imaginary)


def _class(found: Any) -> str:
    return str(plain(found.attrs.get("class", ""))) if hasattr(found, "attrs") else ""


def _read_beamformed(path: Path, file: Group, name: str, fitting: tuple[str, ...]) -> Recording:
    group = inside(path, file, name)
    data = _Data(path, group, name)
    speed = _sound_speed(path, group)
    depths, pitch, lines, sector = _scan(path, group)
    frames, at = _frame_places(path, data.shape, depths.size * lines)
    shape = sequence_shape(path, frames, depths.size, lines)

    def read(index: int) -> NDArray[Any]:
        return data.take(at(index)).reshape(lines, depths.size).T

    rate = (speed or ASSUMED["sound_speed_m_s"]) / (2 * float(np.diff(depths).mean()))
    carrier = finite(path, "modulation_frequency", number_at(path, group, "modulation_frequency") or 0.0)
    start = float(depths[0])
    known = {"pitch_m": pitch, "start_depth_m": start, **({"sound_speed_m_s": speed} if speed else {})}
    frame_rate = number_at(path, group, "frame_rate")
    if frame_rate:
        known["frame_rate_hz"] = positive(path, "frame_rate", frame_rate)
    notes = ["sampling rate from the depths of the pixels"]
    if data.is_complex and carrier:
        rf = RemodulatedFrames(path, shape, read, rate, carrier, 2 * start / (speed or ASSUMED["sound_speed_m_s"]))
        shape, rate, read = rf.shape, rf.sampling_hz, rf
        known["center_hz"] = carrier
        notes.append(rf.note)
    elif data.is_complex:
        notes.append("the real part of analytic RF")
    suggested: dict[str, float] = {}
    (known if speed else suggested)["sampling_hz"] = rate
    return Recording(
        shape,
        known,
        (lambda index: read(index).real) if data.is_complex else read,
        (path,),
        "UFF beamformed data",
        suggested,
        variables=fitting,
        variable=name,
        sector=sector,
        notes=tuple(notes),
    )


def _scan(path: Path, group: Group) -> tuple[NDArray[np.float64], float, int, Sector | None]:
    """Depths along a line, spacing of the lines, their number, and how they fan out."""
    scan = inside(path, group, "scan")
    kind = _class(scan)
    if kind == "uff.linear_scan":
        x, z = (_even(path, small_array(path, scan, f"{axis}_axis").reshape(-1), axis) for axis in ("x", "z"))
        return z, float(np.diff(x).mean()), x.size, None
    if kind == "uff.sector_scan":
        azimuth = _even(path, small_array(path, scan, "azimuth_axis").reshape(-1), "azimuth")
        depth = _even(path, small_array(path, scan, "depth_axis").reshape(-1), "depth")
        apex = inside(path, scan, "origin") or inside(path, scan, "apex")
        across, down = _point(path, apex) if apex is not None else (0.0, 0.0)
        if abs(across) > 1e-6 or down > 1e-6:
            raise ReadError(path, f"its sector has its apex at x = {across:g}, z = {down:g} m, which is not read")
        step = float(np.diff(azimuth).mean())
        sector = Sector(max(0.0, -down), step, float(azimuth.mean()))
        return depth - sector.apex_radius_m, step * float(depth.mean()), azimuth.size, sector
    raise ReadError(path, f"its pixels lie on a {kind or 'scan of no class'}; linear and sector scans are read")


def _even(path: Path, values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    steps = np.diff(values)
    if steps.size == 0 or not steps.mean() > 0 or np.abs(steps - steps.mean()).max() > 0.01 * steps.mean():
        raise ReadError(path, f"the {name} axis of its scan is not even and increasing")
    return values


def _frame_places(path: Path, shape: tuple[int, ...], pixels: int) -> tuple[int, Any]:
    """Return the number of frames, and a function from a frame's number to the key of its pixels.

    MATLAB's arrays are stored with axes reversed, (frame, wave, channel, pixel), and without trailing axes of one.
    Some writers leave them as (pixel, channel, wave, frame).
    """
    reversed_axes = shape[-1] == pixels
    ordered = shape[::-1] if reversed_axes else shape
    if ordered[0] != pixels:
        raise ReadError(path, f"data has shape {shape}, the scan has {pixels} pixels")
    channels, waves, frames = (*ordered[1:], 1, 1, 1)[:3]
    if channels != 1 or waves != 1:
        raise ReadError(path, f"data hold {channels} channels and {waves} waves for each pixel, not one image")

    def key(index: int) -> tuple[Any, ...]:
        full = (slice(None), 0, 0, index)[: len(shape)]
        return full[::-1] if reversed_axes else full

    return frames, key


def _read_channels(path: Path, file: Group, name: str, fitting: tuple[str, ...]) -> Recording:
    group = inside(path, file, name)
    data = _Data(path, group, name)
    sampling, initial, speed, carrier = (
        number_at(path, group, field)
        for field in ("sampling_frequency", "initial_time", "sound_speed", "modulation_frequency")
    )
    elements = _elements(path, group)
    transmits = _transmits(path, group, finite(path, "initial_time", initial or 0.0))
    frames, waves, channels, samples = (1,) * (4 - len(data.shape)) + data.shape
    if waves != len(transmits) or channels != elements.size:
        raise ReadError(
            path,
            f"data has {waves} waves and {channels} channels, the description {len(transmits)} and {elements.size}",
        )
    stored_axes = len(data.shape)

    def read_channels(index: int) -> NDArray[Any]:
        return data.take((index,) if stored_axes == 4 else ()).reshape(waves, channels, samples)

    demodulation = finite(path, "modulation_frequency", carrier or 0.0) if data.is_complex else 0.0
    recording = ChannelRecording(
        path,
        frames,
        samples,
        read_channels if not data.is_complex or demodulation else lambda index: read_channels(index).real,
        elements,
        transmits,
        positive(path, "sampling_frequency", sampling),
        positive(path, "sound_speed", speed),
        demodulation,
    )
    return beamformed(path, recording, "UFF channel data", {}, variables=fitting, variable=name)


def _elements(path: Path, group: Group) -> NDArray[np.float64]:
    """Lateral positions of the elements of a flat probe."""
    probe = inside(path, group, "probe")
    if _class(probe).startswith("uff.curvilinear") or _class(probe).startswith("uff.matrix"):
        raise ReadError(path, f"its probe is a {_class(probe)[4:]}, whose channel data are not beamformed here")
    if inside(path, probe, "geometry") is None:
        count = int(positive(path, "probe/N", number_at(path, probe, "N")))
        pitch = positive(path, "probe/pitch", number_at(path, probe, "pitch"))
        return np.asarray((np.arange(min(count, 2**16)) - (count - 1) / 2) * pitch)
    geometry = small_array(path, probe, "geometry")
    geometry = geometry if geometry.shape[0] == 7 else geometry.T
    if geometry.ndim != 2 or geometry.shape[0] != 7 or np.ptp(geometry[2]) > 1e-6:
        raise ReadError(path, f"probe/geometry of shape {geometry.shape} is not a flat array of (x, y, z, ...) rows")
    return np.asarray(geometry[0])


def _transmits(path: Path, group: Group, initial_s: float) -> tuple[Transmit, ...]:
    sequence = inside(path, group, "sequence")
    if sequence is None:
        raise ReadError(path, "sequence is missing")
    members = [inside(path, sequence, name) for name in sorted(sequence) if name.startswith("sequence_")]
    return tuple(_transmit(path, wave, initial_s) for wave in members or [sequence])


def _transmit(path: Path, wave: Any, initial_s: float) -> Transmit:
    kind = number_at(path, wave, "wavefront")
    delay = finite(path, "delay", number_at(path, wave, "delay") or 0.0)
    speed = positive(path, "sequence sound_speed", number_at(path, wave, "sound_speed") or ASSUMED["sound_speed_m_s"])
    source = inside(path, wave, "source")
    angle = finite(path, "source/azimuth", number_at(path, source, "azimuth") or 0.0)
    distance = number_at(path, source, "distance")
    far = distance is None or not np.isfinite(distance)  # type: ignore[call-overload]
    if kind == PLANE or (kind == SPHERICAL and far):
        return Transmit(initial_s + delay, angle_rad=angle)
    if kind not in {SPHERICAL, None}:
        raise ReadError(path, f"wavefront {kind} is neither plane nor spherical")
    x, z = _point(path, source)
    reach = float(np.hypot(x, z)) / speed
    return Transmit(initial_s + delay, source_m=(x, z), source_s=reach if z > 0 else -reach)


def _point(path: Path, point: Group) -> tuple[float, float]:
    """Lateral position and depth of a point that is stored in spherical coordinates, in the image's plane."""
    distance, azimuth, elevation = (
        finite(path, name, number_at(path, point, name) or 0.0) for name in ("distance", "azimuth", "elevation")
    )
    if abs(distance * np.sin(elevation)) > 1e-6:
        raise ReadError(path, "a point of its sequence lies outside the image's plane")
    return float(distance * np.sin(azimuth)), float(distance * np.cos(azimuth))


def _sound_speed(path: Path, group: Group) -> float | None:
    sequence = inside(path, group, "sequence")
    if sequence is None:
        return None
    members = [name for name in sorted(sequence) if name.startswith("sequence_")]
    speed = number_at(path, inside(path, sequence, members[0]) if members else sequence, "sound_speed")
    return positive(path, "sequence sound_speed", speed) if speed else None
