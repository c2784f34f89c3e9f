"""Geometry among named values of a file, wherever they stand and however they are spelt.

Names are compared without case and punctuation. Sources of the spellings: Field II and MUST scripts, Siemens Axius
Direct (`FileHeader.strf.SamplingRate`, `.rfsd(1).TxFrequencyMhz`, which is in Hz, `.rfbm.LineDensity` in lines per
cm), DSPView (`rf_sampling_frequency`, `transducer_pitch`), USTB, zea, PICMUS, and our own names.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.readers.common.axis_vectors import AxisVectors
from engine.readers.common.checks import finite, positive

NAMES = {
    "sampling_hz": "samplinghz fs samplingfrequency samplingrate samplerate samplefrequency rfsamplingfrequency "
    "samplingfreq samplefreq rfsamplingrate fsample fsampling fsmhz fshz samplingratemhz samplingfrequencymhz",
    "center_hz": "centerhz fc f0 centerfrequency centrefrequency transmitfrequency txfrequency txfrequencymhz txfreq "
    "txfreqmhz carrierfrequency carrier demodulationfrequency demodfrequency demodfreq fdemod modulationfrequency "
    "transmitfreq centerfreq fcmhz f0mhz",
    "sound_speed_m_s": "soundspeedms soundspeed speedofsound sos c c0",
    "pitch_m": "pitchm pitch transducerpitch elementpitch linepitch linespacing lineseparation beamspacing pitchmm dx",
    "start_depth_m": "startdepthm startdepth depthoffset",
    "frame_rate_hz": "frameratehz framerate acousticframeratehz acousticframerate imagingframerate",
}
"""Spellings of each value, the surest first."""
LINES_PER_CM = ("linedensity",)
SPEEDS_M_S = (300.0, 7000.0)
"""Sound speeds of gases to metals: a value called `c` outside is something else."""
LARGEST_PITCH_M = 1e-2
"""Above, a pitch is in mm."""
AGREE = 0.01
"""Part by which two statements of one value may differ."""
DEEPEST, MOST = 8, 4096
"""Levels and values that are looked at."""


@dataclass
class NamedGeometry:
    """What a file says, where it says it, what is worth proposing, and one line for each thing that was concluded."""

    known: dict[str, float] = field(default_factory=dict)
    suggested: dict[str, float] = field(default_factory=dict)
    found_at: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, said: AxisVectors) -> None:
        """Take what vectors say where no value says it."""
        fresh = {name: value for name, value in said.known.items() if name not in self.known}
        self.known |= fresh
        self.found_at |= {name: said.found_at[name] for name in fresh}
        self.notes += said.notes if "sampling_hz" in fresh else []


def scalars_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the numbers of nested dictionaries and lists with their paths, as in MATLAB: `a.b(2).c`."""
    if depth > DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from scalars_in(each, f"{path}.{name}" if path else str(name), depth + 1)
    elif isinstance(value, list):
        for number, each in enumerate(value[:MOST], 1):
            yield from scalars_in(each, f"{path}({number})", depth + 1)
    elif value is not None and not isinstance(value, str) and np.size(value) == 1:
        yield path, value


def geometry_of(path: Path, values: Mapping[str, Any], beside: str = "") -> NamedGeometry:
    """Collect geometry from values by their paths; an impossible one is a ReadError.

    What stands in the structure `beside`, that of the samples, wins; then what stands highest.
    """
    geometry = NamedGeometry()
    order = sorted(
        values, key=lambda place: (not place.startswith(f"{beside}.") if beside else False, place.count("."))
    )
    by_name: dict[str, list[str]] = {}
    for place in order:
        by_name.setdefault(_plain_name(place), []).append(place)
    for ours, names in NAMES.items():
        found = [place for name in names.split() for place in by_name.get(name, ()) if _could_be(name, values[place])]
        if not found:
            continue
        check = finite if ours == "start_depth_m" else positive
        value = check(path, found[0], values[found[0]])
        geometry.known[ours], geometry.found_at[ours] = _in_si(geometry, ours, value), found[0]
        for other in found[1:]:
            _compare(geometry, ours, found[0], other, values[other])
    _pitch_of_density(path, geometry, by_name, values)
    return geometry


def _plain_name(place: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(\d+\)$", "", place.rpartition(".")[2]).lower())


def _could_be(name: str, value: Any) -> bool:
    """Whether a value can be meant where its name is too short to be sure."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        return False
    return name != "c" or SPEEDS_M_S[0] <= float(array.reshape(-1)[0]) <= SPEEDS_M_S[1]


def _in_si(geometry: NamedGeometry, name: str, value: float) -> float:
    """Read frequencies below 1 kHz as MHz and a pitch above 1 cm as mm: nothing else can be meant."""
    if name in {"sampling_hz", "center_hz"} and value < 1e3:
        geometry.notes.append(f"{name} is taken to be in MHz")
        return value * 1e6
    if name == "pitch_m" and value > LARGEST_PITCH_M:
        geometry.notes.append("pitch_m is taken to be in mm")
        return value * 1e-3
    return value


def _compare(geometry: NamedGeometry, name: str, first: str, other: str, value: Any) -> None:
    number = float(np.asarray(value).reshape(-1)[0])
    if not (math.isfinite(number) and number > 0) or name == "center_hz":
        return  # several frequencies may have several meanings
    mine = geometry.known[name]
    if not any(math.isclose(mine, number * scale, rel_tol=AGREE) for scale in (1.0, 1e6, 1e-3)):
        geometry.notes.append(f"{first} and {other} disagree on {name}: {mine:g} and {number:g}; the first is used")


def _pitch_of_density(
    path: Path, geometry: NamedGeometry, by_name: Mapping[str, list[str]], values: Mapping[str, Any]
) -> None:
    place = next((place for name in LINES_PER_CM for place in by_name.get(name, ())), None)
    if place is None or "pitch_m" in geometry.known:
        return
    geometry.known["pitch_m"] = 1e-2 / positive(path, place, values[place])
    geometry.found_at["pitch_m"] = place
    geometry.notes.append(f"line pitch from {place}, which is in lines per cm")
