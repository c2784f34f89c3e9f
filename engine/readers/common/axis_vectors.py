"""Vectors that stand beside an array and go with one of its axes: times, depths, lateral positions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.readers.base import ASSUMED
from engine.readers.common.spacing import AXIAL_M, LATERAL_M, rate_of

TIMES = re.compile(r"(fast_?)?t(ime)?s?(_?(axis|vec|vector|s|us|ns))?", re.IGNORECASE)
DEPTHS = re.compile(r"(z|depths?|axial)(_?(axis|vec|vector|m|mm))?", re.IGNORECASE)
LATERALS = re.compile(r"(x|laterals?|lat)(_?(axis|vec|vector|m|mm))?", re.IGNORECASE)
EVEN = 0.01
RATES_HZ = (1e6, 1e9)
"""Sampling rates of RF; the unit of a time vector is the one that makes its rate one of them."""
SECONDS = {"s": 1.0, "\N{MICRO SIGN}s": 1e-6, "ns": 1e-9}


@dataclass
class AxisVectors:
    """What vectors say: which axis is depth, by which name, and the geometry that follows."""

    depth_axis: int | None = None
    name: str = ""
    known: dict[str, float] = field(default_factory=dict)
    found_at: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_vectors(shape: Sequence[int], vectors: Mapping[str, Any]) -> AxisVectors:
    """Look among even, increasing vectors for those as long as exactly one axis of an array of `shape`."""
    said = AxisVectors()
    for name, values in vectors.items():
        short = name.rpartition(".")[2]
        places = [place for place, size in enumerate(shape) if size == np.size(values)]
        array = np.asarray(values).reshape(-1)
        if len(places) != 1 or array.size < 3 or array.dtype.kind not in "iuf":
            continue
        steps = np.diff(array.astype(np.float64))
        step = float(steps.mean())
        if not step > 0 or np.abs(steps - step).max() > EVEN * step:
            continue
        if TIMES.fullmatch(short):
            _time(said, name, places[0], step, float(array[0]))
        elif DEPTHS.fullmatch(short):
            _depth(said, name, places[0], step, float(array[0]))
        elif LATERALS.fullmatch(short) and (unit := _unit(step, LATERAL_M)) is not None:
            said.known["pitch_m"], said.found_at["pitch_m"] = step * unit, name
    return said


def _time(said: AxisVectors, name: str, axis: int, step: float, first: float) -> None:
    unit = next((unit for unit, scale in SECONDS.items() if RATES_HZ[0] < 1 / (step * scale) < RATES_HZ[1]), None)
    if unit is None:
        return
    said.depth_axis, said.name = axis, name
    said.known["sampling_hz"], said.found_at["sampling_hz"] = 1 / (step * SECONDS[unit]), name
    said.notes.append(f"sampling rate from the times in {name}, taken to be in {unit}")
    if first > step:
        start = first * SECONDS[unit] * ASSUMED["sound_speed_m_s"] / 2
        said.known["start_depth_m"], said.found_at["start_depth_m"] = start, name


def _depth(said: AxisVectors, name: str, axis: int, step: float, first: float) -> None:
    unit = _unit(step, AXIAL_M)
    if unit is None or said.depth_axis is not None:
        return
    said.depth_axis, said.name = axis, name
    said.known["sampling_hz"], said.found_at["sampling_hz"] = rate_of(step * unit), name
    said.known["start_depth_m"], said.found_at["start_depth_m"] = first * unit, name
    said.notes.append(f"sampling rate from the depths in {name} at {ASSUMED['sound_speed_m_s']:g} m/s")


def _unit(step: float, limits: tuple[float, float]) -> float | None:
    return next((unit for unit in (1.0, 1e-3) if limits[0] <= step * unit <= limits[1]), None)
