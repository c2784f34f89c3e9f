"""Geometry of a MATLAB recording, from scalars and parameter structures beside the array, by the names in the field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.readers.common.checks import finite, positive
from engine.readers.matlab_file.source import MatlabSource

NAMES = {
    "sampling_hz": ("sampling_hz", "fs", "Fs", "sampling_frequency", "SamplingFrequency", "sampleRate"),
    "center_hz": ("center_hz", "fc", "f0", "center_frequency", "CenterFrequency"),
    "sound_speed_m_s": ("sound_speed_m_s", "c", "c0", "sound_speed", "SoundSpeed"),
    "pitch_m": ("pitch_m", "pitch"),
    "start_depth_m": ("start_depth_m",),
    "frame_rate_hz": ("frame_rate_hz", "frameRate", "FrameRate"),
}
STRUCTURES = ("param", "params", "parameters", "P")
RATE_BY_NAME = {"RfDataDouble": 40e6, "RfDataFilt": 40e6}
"""Public data sets whose files do not give the rate at which all of them were recorded: worth proposing."""


@dataclass
class MatlabGeometry:
    """What the file says, what is worth proposing, and one line for each thing that was concluded."""

    known: dict[str, float] = field(default_factory=dict)
    suggested: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def matlab_geometry(path: Path, source: MatlabSource, variable: str) -> MatlabGeometry:
    """Collect the geometry that goes with an array; a value that is impossible is a ReadError."""
    values = _scalars(source)
    geometry = MatlabGeometry()
    for ours, names in NAMES.items():
        given = next((name for name in names if name in values), None)
        if given is not None:
            check = finite if ours == "start_depth_m" else positive
            geometry.known[ours] = check(path, given, values[given])
    _plausible_units(geometry)
    if "FPS" in values and variable.startswith("b_data"):
        geometry.known["sampling_hz"] = positive(path, "FPS", values["FPS"]) * 1e6
        geometry.notes.append("sampling rate from FPS, which is in MHz in files of this kind")
    if variable in RATE_BY_NAME and "sampling_hz" not in geometry.known:
        rate = geometry.suggested["sampling_hz"] = RATE_BY_NAME[variable]
        geometry.notes.append(f"{variable} is recorded at {rate / 1e6:g} MHz in the known data sets")
    return geometry


def _scalars(source: MatlabSource) -> dict[str, Any]:
    """Numbers at the top, and in parameter structures; the top wins."""
    values: dict[str, Any] = {}
    for name in STRUCTURES:
        if name in source.variables and source.variables[name].is_struct:
            inner = source.value(name)
            if isinstance(inner, Mapping):
                values |= {key: each for key, each in inner.items() if np.size(each) == 1}
    for name, each in source.variables.items():
        if each.dtype is not None and int(np.prod(each.shape, dtype=object)) == 1:
            values[name] = source.value(name)
    return values


def _plausible_units(geometry: MatlabGeometry) -> None:
    """Read frequencies below 1 kHz as MHz and a pitch above 1 cm as mm: nothing else can be meant."""
    for name in ("sampling_hz", "center_hz"):
        if geometry.known.get(name, 1e6) < 1e3:
            geometry.known[name] *= 1e6
            geometry.notes.append(f"{name} is taken to be in MHz")
    if geometry.known.get("pitch_m", 0.0) > 1e-2:
        geometry.known["pitch_m"] *= 1e-3
        geometry.notes.append("pitch_m is taken to be in mm")
