"""URX, the ultrasound raw data exchange: channel data of events, beamformed here.

HDF5 group `dataset/acquisition` with `probes`, `excitations`, `groups` (sequences of events) and `groups_data`; lists
are groups with numbered members, references are numbers. `raw_data` is (values, 1 for RF or 2 for IQ) in the order
sequence, event, channel, sample. Only the element delays say how a wave was made, so focused waves are refused.
Format: https://github.com/moduleus/urx/wiki
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.hdf5_reading import Group, dataset, inside, is_hdf5, nested, open_hdf5, plain
from engine.readers.base import ASSUMED, READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.channel_data.beamform import ChannelRecording, Transmit
from engine.readers.channel_data.recording import beamformed
from engine.readers.common.checks import finite, positive, require_numbers

ROOT = "dataset/acquisition"
LARGEST_LIST = 2**14
FOCUSED = ("CONVERGING_WAVE", "CYLINDRICAL_WAVE")


@READERS.entry
class Urx(Reader):
    """RF or IQ channel data of plane and diverging waves."""

    name = "urx"
    title = "URX (.urx)"
    extensions = (".urx",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise by the group of the acquisition."""
        if not is_hdf5(head):
            return False
        with open_hdf5(path) as file:
            return inside(path, file, f"{ROOT}/groups_data") is not None

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Set up the beamforming of one group of data."""
        with open_hdf5(path) as file:
            root = inside(path, file, ROOT)
            names = tuple(sorted(inside(path, root, "groups_data")))
            variable = choose_variable(path, names, names, options.variable)
            place = f"{ROOT}/groups_data/{variable}"
            data = inside(path, file, place)
            group = _member(path, root, "groups", _value(path, data, "group"))
            return _recording(path, root, group, place, names if len(names) > 1 else ())


def _recording(path: Path, root: Group, group: Group, place: str, names: tuple[str, ...]) -> Recording:
    events = _list(path, group, "sequence")
    receive = _receive(path, events)
    positions = _positions(path, _member(path, root, "probes", _value(path, events[0], "receive_setup/probe")))
    stored = _Stored(path, root.file, f"{place}/raw_data", (len(events), receive.channels.size, receive.samples))
    if stored.iq and not receive.carrier_hz > 0:
        raise ReadError(path, "holds IQ without a modulation frequency: it cannot be turned into RF")
    speed = _value(path, group, "sound_speed") or _value(path, root, "sound_speed")
    known_speed = speed is not None and np.isfinite(speed) and speed > 0
    recording = ChannelRecording(
        path,
        stored.frames,
        receive.samples,
        stored,
        positions[receive.channels],
        tuple(_transmit(path, event, positions, receive.channels) for event in events),
        receive.rate_hz,
        float(speed) if known_speed else ASSUMED["sound_speed_m_s"],
        receive.carrier_hz if stored.iq else 0.0,
    )
    notes = () if known_speed else (f"sound speed of {ASSUMED['sound_speed_m_s']:g} m/s is assumed in the beamforming",)
    center = _center(path, root, events[0])
    name = place.rpartition("/")[2] if names else ""
    known = {"center_hz": center} if center else {}
    return beamformed(path, recording, "URX", known, variables=names, variable=name, notes=notes)


@dataclass(frozen=True)
class _Receive:
    """What all events of a sequence share: the element of each channel, samples, their rate and the carrier."""

    channels: NDArray[np.int64]
    samples: int
    rate_hz: float
    carrier_hz: float


def _receive(path: Path, events: list[Group]) -> _Receive:
    channels = _active(path, events[0], "receive_setup")
    samples = int(positive(path, "number_samples", _value(path, events[0], "receive_setup/number_samples")))
    rate = positive(path, "sampling_frequency", _value(path, events[0], "receive_setup/sampling_frequency"))
    alike = (
        (_active(path, event, "receive_setup") == channels).all()
        and _value(path, event, "receive_setup/number_samples") == samples
        and _value(path, event, "receive_setup/sampling_frequency") == rate
        for event in events
    )
    if not all(alike):
        raise ReadError(path, "its events differ in channels, samples or rate, which is not read")
    carrier = finite(path, "modulation_frequency", _value(path, events[0], "receive_setup/modulation_frequency") or 0.0)
    return _Receive(channels, samples, rate, carrier)


class _Stored:
    """Channel data of whole sequences, each (events, channels, samples), one after the other in `raw_data`."""

    def __init__(self, path: Path, file: Group, name: str, shape: tuple[int, int, int]) -> None:
        raw = dataset(path, file, name)
        require_numbers(path, raw.dtype, "raw_data")
        self.iq = raw.ndim == 2 and raw.shape[1] == 2
        self._path, self._name, self._shape, self._block = path, name, shape, math.prod(shape)
        self.frames, rest = divmod(raw.shape[0], self._block)
        if rest:
            raise ReadError(path, f"raw_data has {raw.shape[0]} values, not a multiple of {self._block} for a sequence")

    def __call__(self, index: int) -> NDArray[Any]:
        """Read the channels of one sequence."""
        with open_hdf5(self._path) as file:
            values = dataset(self._path, file, self._name)[index * self._block : (index + 1) * self._block]
        values = np.asarray(values).reshape(self._block, -1)
        return np.asarray(values[:, 0] + 1j * values[:, 1] if self.iq else values[:, 0]).reshape(self._shape)


def _transmit(path: Path, event: Group, positions: NDArray[np.float64], channels: NDArray[np.int64]) -> Transmit:
    kind = _value(path, event, "transmit_setup/wave/type")
    if kind in FOCUSED:
        raise ReadError(path, f"transmits a {kind}: only plane and diverging waves of this format are beamformed here")
    active = _active(path, event, "transmit_setup")
    delays = np.asarray(_value(path, event, "transmit_setup/delays"), dtype=np.float64).reshape(-1)
    if delays.size != active.size or not np.isfinite(delays).all():
        raise ReadError(path, f"gives {delays.size} transmit delays for {active.size} active elements")
    fires = np.full(positions.size, np.nan)
    fires[active] = delays
    start, sent = (
        finite(path, f"{setup}/time_offset", _finite_or_zero(_value(path, event, f"{setup}/time_offset")))
        for setup in ("receive_setup", "transmit_setup")
    )
    if np.isfinite(fires).sum() > np.isfinite(fires[channels]).sum():
        raise ReadError(path, "transmits with elements that do not receive, which is not read")
    return Transmit(start - sent, delays_s=fires[channels])


def _center(path: Path, root: Group, event: Group) -> float | None:
    numbers = inside(path, event, "transmit_setup/excitations")
    if numbers is None:
        return None
    first = _value(path, event, "transmit_setup/excitations")
    number = np.asarray(first).reshape(-1)[0] if first is not None else next(iter(_list_values(path, numbers)), 0)
    excitation = _member(path, root, "excitations", number)
    frequency = _value(path, excitation, "transmit_frequency")
    return positive(path, "transmit_frequency", frequency) if frequency and np.isfinite(frequency) else None


def _positions(path: Path, probe: Group) -> NDArray[np.float64]:
    """Lateral positions of the elements of a flat, one-row probe."""
    elements = _list(path, probe, "elements")
    places = np.array(
        [[_value(path, each, f"transform/translation/{axis}") for axis in "xyz"] for each in elements], dtype=np.float64
    )
    if not np.isfinite(places).all() or np.ptp(places[:, 1]) > 1e-6 or np.ptp(places[:, 2]) > 1e-6:
        raise ReadError(path, "its probe is not a flat linear array")
    return places[:, 0]


def _active(path: Path, event: Group, setup: str) -> NDArray[np.int64]:
    """Return the element of each channel; a channel of several elements is refused."""
    members = inside(path, event, f"{setup}/active_elements")
    if members is None:
        raise ReadError(path, f"{setup}/active_elements is missing")
    found = [np.asarray(value).reshape(-1) for value in _list_values(path, members)]
    if not found or any(each.size != 1 for each in found):
        raise ReadError(path, f"{setup} joins several elements in a channel, which is not read")
    return np.array([int(each[0]) for each in found])


def _list(path: Path, group: Group, name: str) -> list[Group]:
    found = inside(path, group, name)
    if found is None or not 1 <= len(found) <= LARGEST_LIST:
        raise ReadError(path, f"{name} is missing or empty")
    return [inside(path, found, each) for each in sorted(found)]


def _list_values(path: Path, found: Any) -> list[Any]:
    """Values of a list, kept as datasets or as attributes."""
    if hasattr(found, "keys"):
        values = nested(path, found, "", attributes=True)
        return [values[name] for name in sorted(values)]
    if found.size > LARGEST_LIST:
        raise ReadError(path, f"{found.name} has {found.size} entries, more than can be")
    return list(np.atleast_1d(np.asarray(found[()])))


def _member(path: Path, root: Group, kind: str, number: Any) -> Group:
    members = _list(path, root, kind)
    if number is None or not 0 <= int(number) < len(members):
        raise ReadError(path, f"refers to number {number} of its {len(members)} {kind}")
    return members[int(number)]


def _value(path: Path, group: Group, name: str) -> Any:
    """Return a value that is kept as a dataset or as an attribute; None where there is none."""
    parent, _, last = name.rpartition("/")
    holder = inside(path, group, parent) if parent else group
    if holder is None:
        return None
    if last in holder.attrs:
        return plain(holder.attrs[last])
    found = inside(path, holder, last)
    if found is None or hasattr(found, "keys") or found.size > 2**20:
        return None
    return plain(found[()])


def _finite_or_zero(value: Any) -> float:
    return float(value) if value is not None and np.isfinite(value) else 0.0
