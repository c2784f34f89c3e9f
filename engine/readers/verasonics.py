"""Verasonics workspaces (.mat, v5 to v7.3): RcvData through delay-and-sum, or IQData as the system beamformed it.

Lengths are in wavelengths of `Trans.frequency` (MHz), times in periods of it. `Receive` gives rows of the buffer,
`TX` what was sent, `Event` which TX goes with which Receive, `Resource.RcvBuffer.lastFrame` where the ring begins.
Sample 0 was taken 2 startDepth periods after the first element fired; the echo is late by the pulse's peak
(`TW.peak`) and twice the lens (`Trans.lensCorrection`). Format: Verasonics Vantage sequence programming.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.channel_data.beamform import ChannelRecording, Transmit
from engine.readers.channel_data.recording import beamformed
from engine.readers.common.checks import finite, positive, sequence_shape
from engine.readers.common.remodulate import RemodulatedFrames
from engine.readers.matlab_file.source import MAGIC, open_matlab
from engine.readers.matlab_file.v5 import Buffer

Record = Mapping[str, Any]
RF_MODE, IQ_MODES = "NS200BW", ("BS100BW", "BS50BW")


@READERS.entry
class Verasonics(Reader):
    """One buffer of a workspace."""

    name = "verasonics"
    title = "Verasonics (.mat)"
    extensions = (".mat",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the variables of a workspace."""
        if not head.startswith(MAGIC):
            return False
        names = set(open_matlab(path).variables)
        return "Trans" in names and bool(names & {"RcvData", "IQData", "ImgDataP", "ImgData"})

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the chosen buffer."""
        source = open_matlab(path)
        names = tuple(source.variables)
        fitting = tuple(name for name in ("RcvData", "IQData") if name in names)
        if not fitting:
            raise ReadError(path, "holds only images of a Verasonics system (ImgData): save RcvData or IQData")
        variable = choose_variable(path, fitting, names, options.variable)
        wanted = ("Trans", "TX", "TW", "Receive", "Resource", "Event", "PData")
        workspace = _Workspace(path, {name: source.value(name) for name in wanted if name in names})
        _require_description(workspace, variable)
        data = source.buffer(variable)
        read = _read_iq if variable == "IQData" else _read_channels
        return read(path, workspace, data, fitting, variable)


@dataclass(frozen=True)
class _Workspace:
    """The structures of a workspace, each as a list of records."""

    path: Path
    values: Mapping[str, Any]

    def records(self, name: str) -> list[Record]:
        """Return a structure array as a list of dictionaries, however the file keeps it."""
        value = self.values.get(name)
        if isinstance(value, Mapping):
            lists = {key: each for key, each in value.items() if isinstance(each, list)}
            count = max((len(each) for each in lists.values()), default=1)
            return [
                {key: each[k] if key in lists and k < len(each) else each for key, each in value.items()}
                for k in range(count)
            ]
        found = [each for each in np.atleast_1d(np.asarray(value, dtype=object)) if isinstance(each, Mapping)]
        if not found:
            raise ReadError(self.path, f"{name} is missing")
        return found

    def number(self, name: str, record: Record, field: str, default: float | None = None) -> float:
        """Return a number of a record."""
        if record.get(field) is None or np.size(record[field]) == 0:
            if default is None:
                raise ReadError(self.path, f"{name}.{field} is missing")
            return default
        return finite(self.path, f"{name}.{field}", record[field])

    @property
    def frequency_hz(self) -> float:
        """The frequency whose wavelength is the unit of length."""
        return positive(self.path, "Trans.frequency", self.number("Trans", self.records("Trans")[0], "frequency")) * 1e6

    @property
    def sound_speed_m_s(self) -> float | None:
        """Sound speed, where the workspace gives it."""
        parameters = self.records("Resource")[0].get("Parameters") if "Resource" in self.values else None
        if not isinstance(parameters, Mapping) or parameters.get("speedOfSound") is None:
            return None
        return positive(self.path, "speedOfSound", parameters["speedOfSound"])


def _require_description(workspace: _Workspace, variable: str) -> None:
    """Refuse an incomplete workspace from its structures, before gigabytes of data are inflated."""
    positive(workspace.path, "Trans.frequency", workspace.frequency_hz)
    if variable == "IQData":
        workspace.records("PData")
        return
    for _, receive in _transmit_receive_pairs(workspace):
        _sampling(workspace, receive)


def _read_channels(
    path: Path, workspace: _Workspace, data: Buffer, fitting: tuple[str, ...], variable: str
) -> Recording:
    speed = workspace.sound_speed_m_s or ASSUMED["sound_speed_m_s"]
    frequency = workspace.frequency_hz
    pairs = _transmit_receive_pairs(workspace)
    receive = pairs[0][1]
    elements, columns = _elements(workspace, speed / frequency, data.shape[1])
    rows = [_rows(workspace, each, data.shape[0]) for _, each in pairs]
    iq, rate = _sampling(workspace, receive)
    carrier = workspace.number("Receive", receive, "demodFrequency", frequency / 1e6) * 1e6 if iq else 0.0
    samples = (rows[0].stop - rows[0].start) // (2 if iq else 1)
    if any(each.stop - each.start != rows[0].stop - rows[0].start for each in rows):
        raise ReadError(path, "its Receives have different numbers of samples, which is not read")
    order = _ring(workspace, "RcvBuffer", data.frames)

    def read_channels(index: int) -> NDArray[Any]:
        frame = data.frame(order[index])
        taken = np.stack([frame[each, :][:, columns].T for each in rows]).astype(np.float32)
        return taken[..., 0::2] - 1j * taken[..., 1::2] if iq else taken

    channels = ChannelRecording(
        path,
        data.frames,
        samples,
        read_channels,
        elements,
        tuple(_transmit(workspace, transmit, each, elements, speed, frequency) for transmit, each in pairs),
        rate,
        speed,
        carrier,
    )
    notes = () if workspace.sound_speed_m_s else ("sound speed of 1540 m/s is assumed in the beamforming",)
    known = {"center_hz": carrier or frequency}
    return beamformed(path, channels, "Verasonics RcvData", known, variables=fitting, variable=variable, notes=notes)


def _transmit_receive_pairs(workspace: _Workspace) -> list[tuple[Record, Record]]:
    """Each TX of the first frame with its Receive, in order, from the events, else by number."""
    transmits, receives = workspace.records("TX"), workspace.records("Receive")
    first = [each for each in receives if workspace.number("Receive", each, "framenum", 1) == 1]
    if any(workspace.number("Receive", each, "mode", 0) != 0 for each in first):
        raise ReadError(workspace.path, "accumulates acquisitions (Receive.mode), which is not read")
    if "Event" not in workspace.values:
        if len(transmits) != len(first):
            raise ReadError(workspace.path, f"has {len(transmits)} TX and {len(first)} Receives a frame, and no Event")
        return list(zip(transmits, first, strict=True))
    pairs: list[tuple[Record, Record]] = []
    for event in workspace.records("Event"):
        sent, received = (int(workspace.number("Event", event, name, 0)) for name in ("tx", "rcv"))
        if not (1 <= sent <= len(transmits) and 1 <= received <= len(receives)):
            continue
        if workspace.number("Receive", receives[received - 1], "framenum", 1) == 1:
            pairs.append((transmits[sent - 1], receives[received - 1]))
    if not pairs:
        raise ReadError(workspace.path, "has no Event that transmits and receives")
    return pairs


def _elements(
    workspace: _Workspace, wavelength_m: float, channels: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Lateral positions of the elements, and the column of the buffer of each."""
    trans = workspace.records("Trans")[0]
    positions = np.atleast_2d(np.asarray(trans.get("ElementPos"), dtype=np.float64))
    count = int(workspace.number("Trans", trans, "numelements", positions.shape[0]))
    positions = positions if positions.shape[0] == count else positions.T
    if positions.shape[0] != count or positions.shape[1] < 3:
        raise ReadError(workspace.path, f"Trans.ElementPos has shape {positions.shape} for {count} elements")
    scale = 1e-3 if str(trans.get("units", "wavelengths")) == "mm" else wavelength_m
    if np.ptp(positions[:, 2]) * scale > 1e-6:
        raise ReadError(workspace.path, "its probe is not flat: channel data of it are not beamformed here")
    connector = trans.get("Connector", trans.get("ConnectorES"))
    columns = (
        np.asarray(connector if connector is not None else np.arange(1, count + 1)).reshape(-1).astype(np.int64) - 1
    )
    if columns.size != count or columns.min() < 0 or columns.max() >= channels:
        raise ReadError(workspace.path, f"Trans.Connector names channels that the buffer's {channels} columns lack")
    return positions[:, 0] * scale, columns


def _rows(workspace: _Workspace, receive: Record, available: int) -> slice:
    start, end = (int(workspace.number("Receive", receive, name)) for name in ("startSample", "endSample"))
    if not 1 <= start < end <= available:
        raise ReadError(workspace.path, f"Receive takes rows {start} to {end} of a buffer of {available}")
    return slice(start - 1, end)


def _sampling(workspace: _Workspace, receive: Record) -> tuple[bool, float]:
    """Whether samples alternate I and Q, and the rate in Hz (of complex samples then)."""
    mode = str(receive.get("sampleMode", RF_MODE))
    rate = positive(workspace.path, "decimSampleRate", workspace.number("Receive", receive, "decimSampleRate")) * 1e6
    rate /= workspace.number("Receive", receive, "quadDecim", 1.0) or 1.0
    if mode == RF_MODE:
        return False, rate
    if mode in IQ_MODES:
        return True, rate / 2
    raise ReadError(workspace.path, f"Receive.sampleMode {mode} samples too sparsely to be turned into RF here")


def _ring(workspace: _Workspace, buffer: str, frames: int) -> NDArray[np.int64]:
    """Numbers of the frames from the oldest: the buffer is a ring that ends at lastFrame."""
    resource = workspace.records("Resource")[0] if "Resource" in workspace.values else {}
    found = resource.get(buffer)
    first = found[0] if isinstance(found, list) else found
    first = first.reshape(-1)[0] if isinstance(first, np.ndarray) and first.dtype == object else first
    last = first.get("lastFrame") if isinstance(first, Mapping) else None
    last = last[0] if isinstance(last, list) else last
    if last is None or np.size(last) != 1 or not 1 <= float(np.asarray(last).reshape(-1)[0]) <= frames:
        return np.arange(frames)
    return (np.arange(frames) + int(np.asarray(last).reshape(-1)[0])) % frames


def _transmit(
    workspace: _Workspace,
    transmit: Record,
    receive: Record,
    elements: NDArray[np.float64],
    speed: float,
    frequency: float,
) -> Transmit:
    trans = workspace.records("Trans")[0]
    waves = workspace.records("TW") if "TW" in workspace.values else [{}]
    number = int(workspace.number("TX", transmit, "waveform", 1))
    peak = workspace.number("TW", waves[min(max(number, 1), len(waves)) - 1], "peak", 0.0)
    lens = workspace.number("Trans", trans, "lensCorrection", 0.0)
    start = (2 * workspace.number("Receive", receive, "startDepth", 0.0) - peak - 2 * lens) / frequency
    delays = np.asarray(transmit.get("Delay"), dtype=np.float64).reshape(-1) / frequency
    weights = np.asarray(transmit.get("Apod", np.ones(elements.size)), dtype=np.float64).reshape(-1)
    if delays.size != elements.size or weights.size != elements.size:
        raise ReadError(workspace.path, f"TX has {delays.size} delays and {weights.size} weights for {elements.size}")
    fires = np.where(weights != 0, delays, np.nan)
    focus = workspace.number("TX", transmit, "focus", 0.0) * speed / frequency
    if not (np.isfinite(focus) and focus > 0):
        return Transmit(start, delays_s=fires)
    origin = np.asarray(transmit.get("Origin", np.zeros(3)), dtype=np.float64).reshape(-1)[:1] * speed / frequency
    angle = float(np.asarray(transmit.get("Steer", np.zeros(2)), dtype=np.float64).reshape(-1)[0])
    x, z = float(origin[0] + focus * np.sin(angle)), float(focus * np.cos(angle))
    when = float(np.nanmedian(fires + np.hypot(elements - x, z) / speed))
    return Transmit(start, source_m=(x, z), source_s=when)


def _read_iq(path: Path, workspace: _Workspace, data: Buffer, fitting: tuple[str, ...], variable: str) -> Recording:
    """Images of the system: rows x lines x 1 x frames, complex, on the grid of PData."""
    if not data.is_complex or len(data.shape) > 4 or (len(data.shape) == 4 and data.shape[2] != 1):
        raise ReadError(
            path,
            f"IQData has shape {data.shape}, complex is {data.is_complex}: complex (rows, lines, 1, frames) is read",
        )
    grid = workspace.records("PData")[0]
    delta = np.asarray(grid.get("PDelta"), dtype=np.float64).reshape(-1)
    origin = np.asarray(grid.get("Origin", np.zeros(3)), dtype=np.float64).reshape(-1)
    if delta.size != 3 or origin.size != 3 or not (delta[[0, 2]] > 0).all():
        raise ReadError(path, "PData.PDelta does not give the spacing of a rectangular grid")
    if str(grid.get("Coord", "rectangular")) != "rectangular":
        raise ReadError(path, "PData is not rectangular, which is not read")
    speed, frequency = workspace.sound_speed_m_s, workspace.frequency_hz
    wavelength = (speed or ASSUMED["sound_speed_m_s"]) / frequency
    shape = sequence_shape(path, data.frames, *data.shape[:2])
    order = _ring(workspace, "InterBuffer", shape[0])
    rf = RemodulatedFrames(
        path,
        shape,
        lambda index: data.frame(order[index]),
        frequency / (2 * delta[2]),
        frequency,
        2 * origin[2] / frequency,
    )
    known = {
        "sampling_hz": rf.sampling_hz,
        "center_hz": frequency,
        "pitch_m": float(delta[0]) * wavelength,
        "start_depth_m": float(origin[2]) * wavelength,
    }
    if speed:
        known["sound_speed_m_s"] = speed
    notes = (rf.note, "IQData are taken as baseband at the transducer's frequency")
    return Recording(
        rf.shape, known, rf, (path,), "Verasonics IQData", variables=fitting, variable=variable, notes=notes
    )
