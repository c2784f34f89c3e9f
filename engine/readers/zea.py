"""zea HDF5: `data/beamformed_data` where it lies on an even grid, else `data/raw_data`, beamformed here.

Root attribute `zea_version`. `raw_data` is (frames, transmits, samples, elements, 1 for RF or 2 for IQ) with `scan/`:
`sampling_frequency`, `t0_delays` (s, first element at 0), `initial_times`, `focus_distances` (inf or 0: plane),
`polar_angles`, `transmit_origins`, `probe_geometry` (elements, 3). `beamformed_data` is a group of `values` (frames,
z, x, channels) and `coordinates` (z, x, 3) in m. Several tracks are offered as variables. Our own export keeps
the geometry in `custom/strainscope`.
Format: zea documentation, "zea data format".
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.hdf5_reading import Dataset, Group, dataset, inside, is_hdf5, number_at, open_hdf5, small_array
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.channel_data.beamform import ChannelRecording, Transmit
from engine.readers.channel_data.recording import beamformed
from engine.readers.common.checks import (
    finite,
    geometry_values,
    positive,
    require_channels,
    require_numbers,
    sequence_shape,
)
from engine.readers.common.hdf5_frames import require_stored
from engine.readers.common.remodulate import RemodulatedFrames
from engine.types import geometry_fields

OWN = "custom/strainscope"
SAME_S = 1e-9
"""Start times that differ by less count as one."""


@READERS.entry
class Zea(Reader):
    """Beamformed data first, else channel data, of each track."""

    name = "zea"
    title = "zea (HDF5)"
    extensions = (".hdf5", ".h5")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the version attribute, or the groups of files from before it."""
        if not is_hdf5(head):
            return False
        with open_hdf5(path) as file:
            return "zea_version" in file.attrs or all(inside(path, file, name) is not None for name in ("data", "scan"))

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the chosen array of the chosen track."""
        with open_hdf5(path) as file:
            tracks = inside(path, file, "tracks")
            bases = [f"tracks/{name}/" for name in tracks] if tracks is not None else [""]
            names = [f"{base}data/{kind}" for base in bases for kind in ("beamformed_data", "raw_data")]
            fitting = tuple(name for name in names if inside(path, file, name) is not None)
            variable = choose_variable(path, fitting, tuple(file), options.variable)
            base = variable.partition("data/")[0]
            read = _read_raw if variable.endswith("raw_data") else _read_beamformed
            return read(path, file, base, variable, fitting)


def _read_beamformed(path: Path, file: Group, base: str, name: str, fitting: tuple[str, ...]) -> Recording:
    group = inside(path, file, name)
    if not hasattr(group, "keys") or "values" not in group or "coordinates" not in group:
        raise ReadError(path, f"{name} says nothing of where its pixels lie (coordinates): choose raw_data, or save it")
    values = dataset(path, group, "values")
    require_numbers(path, values.dtype, name)
    if values.ndim != 4 or values.shape[3] not in {1, 2}:
        raise ReadError(path, f"{name} has shape {values.shape}, expected (frames, z, x, 1 or 2)")
    frames, rows, lines, parts = values.shape
    shape = sequence_shape(path, frames, rows, lines)
    start, spacing, pitch = _grid(path, dataset(path, group, "coordinates"), rows, lines)
    own = _own_values(path, file)
    speed = number_at(path, file, f"{base}scan/sound_speed") or own.get("sound_speed_m_s")
    metres_a_second = positive(path, "scan/sound_speed", speed) if speed else ASSUMED["sound_speed_m_s"]
    rate = metres_a_second / (2 * spacing)
    known = {"pitch_m": pitch, "start_depth_m": start, **({"sound_speed_m_s": metres_a_second} if speed else {})}
    known |= own
    where = f"{name}/values"

    def read(index: int) -> NDArray[Any]:
        with open_hdf5(path) as again:
            frame = dataset(path, again, where)[index]
        return np.asarray(frame[..., 0] + 1j * frame[..., 1] if parts == 2 else frame[..., 0])

    notes: tuple[str, ...] = () if "sampling_hz" in own else ("sampling rate from the depths of the pixels",)
    center = _first(path, file, f"{base}scan/center_frequency")
    if center:
        known["center_hz"] = center
    if parts == 2:
        carrier = _first(path, file, f"{base}scan/demodulation_frequency") or 0.0
        rf = RemodulatedFrames(path, shape, read, rate, carrier, 2 * start / metres_a_second)
        shape, rate, read, notes = rf.shape, rf.sampling_hz, rf, (*notes, rf.note)
    suggested = {} if speed else {"sampling_hz": rate}
    known = ({"sampling_hz": rate} if speed else {}) | known
    return Recording(
        shape, known, read, (path,), "zea beamformed data", suggested, variables=fitting, variable=name, notes=notes
    )


def _own_values(path: Path, file: Group) -> dict[str, float]:
    """Return the geometry that our own export keeps beside the format's parts, and that it did not only assume."""
    values = {name: number_at(path, file, f"{OWN}/{name}") for name in geometry_fields()}
    stated = {name for name in values if number_at(path, file, f"{OWN}/{name}_source") in {"file", "user"}}
    return geometry_values(path, {name: values[name] for name in values if name in stated})


def _grid(path: Path, coordinates: Dataset, rows: int, lines: int) -> tuple[float, float, float]:
    """First depth, axial and lateral spacing in metres of a regular grid."""
    if coordinates.shape[-3:] != (rows, lines, 3):
        raise ReadError(path, f"coordinates have shape {coordinates.shape}, expected ({rows}, {lines}, 3)")
    grid = np.asarray(coordinates[(0,) * (coordinates.ndim - 3)], dtype=np.float64)
    x, z = grid[0, :, 0], grid[:, 0, 2]
    steps_x, steps_z = np.diff(x), np.diff(z)
    regular = np.ptp(grid[..., 0], axis=0).max() < 1e-6 and np.ptp(grid[..., 2], axis=1).max() < 1e-6
    even = all(
        steps.size and steps.mean() > 0 and np.abs(steps - steps.mean()).max() < 0.05 * steps.mean()
        for steps in (steps_x, steps_z)
    )
    if not (regular and even):
        raise ReadError(path, "its pixels do not lie on an even grid of depth and lateral position")
    return float(z[0]), float(steps_z.mean()), float(steps_x.mean())


def _read_raw(path: Path, file: Group, base: str, name: str, fitting: tuple[str, ...]) -> Recording:
    raw = dataset(path, file, name)
    require_numbers(path, raw.dtype, name)
    if raw.ndim != 5 or raw.shape[4] not in {1, 2}:
        raise ReadError(path, f"{name} has shape {raw.shape}, expected (frames, transmits, samples, elements, 1 or 2)")
    frames, count, samples, elements, parts = raw.shape
    require_stored(path, raw, name)
    require_channels(path, count, elements, samples)
    scan = inside(path, file, f"{base}scan")
    if scan is None:
        raise ReadError(path, f"{base}scan is missing: the transmits are not described")
    own = "probe_geometry" in scan
    geometry = small_array(path, scan, "probe_geometry") if own else small_array(path, file, "probe/probe_geometry")
    if geometry.shape != (elements, 3) or np.ptp(geometry[:, 2]) > 1e-6:
        raise ReadError(path, f"probe_geometry of shape {geometry.shape} is not a flat array of {elements} elements")
    speed = number_at(path, scan, "sound_speed")
    metres_a_second = positive(path, "scan/sound_speed", speed) if speed else ASSUMED["sound_speed_m_s"]
    transmits = _transmits(path, scan, count, np.asarray(geometry[:, 0]), metres_a_second)
    carrier = (_first(path, scan, "demodulation_frequency") or 0.0) if parts == 2 else 0.0
    if parts == 2 and (not carrier or max(abs(each.start_s - transmits[0].start_s) for each in transmits) > SAME_S):
        raise ReadError(path, f"{name} is IQ without a common carrier phase: no demodulation frequency or start time")

    def read_channels(index: int) -> NDArray[Any]:
        with open_hdf5(path) as again:
            frame = dataset(path, again, name)[index]
        values = frame[..., 0] + 1j * frame[..., 1] if parts == 2 else frame[..., 0]
        return np.asarray(values).transpose(0, 2, 1)

    channels = ChannelRecording(
        path,
        frames,
        samples,
        read_channels,
        np.asarray(geometry[:, 0]),
        transmits,
        positive(path, "scan/sampling_frequency", number_at(path, scan, "sampling_frequency")),
        metres_a_second,
        carrier,
    )
    center = _first(path, scan, "center_frequency")
    known = {"center_hz": center} if center else {}
    notes = () if speed else (f"sound speed of {metres_a_second:g} m/s is assumed in the beamforming",)
    return beamformed(path, channels, "zea raw data", known, variables=fitting, variable=name, notes=notes)


def _transmits(
    path: Path, scan: Group, count: int, elements_x: NDArray[np.float64], speed: float
) -> tuple[Transmit, ...]:
    delays, starts = small_array(path, scan, "t0_delays"), small_array(path, scan, "initial_times").reshape(-1)
    weights = small_array(path, scan, "tx_apodizations") if "tx_apodizations" in scan else np.ones_like(delays)
    focus = small_array(path, scan, "focus_distances").reshape(-1) if "focus_distances" in scan else np.zeros(count)
    angles = small_array(path, scan, "polar_angles").reshape(-1) if "polar_angles" in scan else np.zeros(count)
    origins = small_array(path, scan, "transmit_origins") if "transmit_origins" in scan else np.zeros((count, 3))
    wanted = {(count, elements_x.size): (delays, weights), (count,): (starts, focus, angles), (count, 3): (origins,)}
    if any(array.shape != shape for shape, arrays in wanted.items() for array in arrays):
        raise ReadError(path, f"the description of its {count} transmits has arrays of other shapes")
    found: list[Transmit] = []
    for number in range(count):
        fires = np.where(weights[number] != 0, delays[number], np.nan)
        if np.isfinite(focus[number]) and focus[number] > 0:
            x = float(origins[number, 0] + focus[number] * np.sin(angles[number]))
            z = float(focus[number] * np.cos(angles[number]))
            when = float(np.nanmedian(fires + np.hypot(elements_x - x, z) / speed))
            found.append(Transmit(finite(path, "initial_times", starts[number]), source_m=(x, z), source_s=when))
        else:
            found.append(Transmit(finite(path, "initial_times", starts[number]), delays_s=fires))
    return tuple(found)


def _first(path: Path, group: Group, name: str) -> float | None:
    """Return a scalar, or the value that all transmits share."""
    if inside(path, group, name) is None:
        return None
    values = small_array(path, group, name).reshape(-1)
    if values.size == 0 or np.ptp(values) > 1e-3 * abs(values[0]):
        raise ReadError(path, f"{name} differs between transmits")
    return float(values[0])
