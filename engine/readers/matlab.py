"""MATLAB recordings, v5 to v7.3, by the variable names that are met in the field.

One file often holds one frame, or two as two variables (`Im1`, `Im2`), which are offered as one sequence. MATLAB
names no axes: samples x lines x frames is assumed (and marked so), with the exceptions below.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ReadError
from engine.readers.axes import arranged_shape, resolve_axes
from engine.readers.base import READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.checks import positive, require_signed, sequence_shape
from engine.readers.matlab_v5 import MatlabV5, Variable
from engine.readers.matlab_v73 import MatlabV73
from engine.types import Map

Source = MatlabV5 | MatlabV73

PREFERRED = ("rf", "rfdatadouble", "rfdatafilt", "rfdata", "rf_data", "rfmig", "bfdata", "img", "data")
FRAMES_FIRST = {"img", "Data"}
RATE_BY_NAME = {"RfDataDouble": 40e6, "RfDataFilt": 40e6}
"""Public data sets whose files do not give the rate at which all of them were recorded: worth proposing."""

NAMES = {
    "sampling_hz": ("sampling_hz", "fs", "Fs", "sampling_frequency", "SamplingFrequency", "sampleRate"),
    "center_hz": ("center_hz", "fc", "f0", "center_frequency", "CenterFrequency"),
    "sound_speed_m_s": ("sound_speed_m_s", "c", "c0", "sound_speed", "SoundSpeed"),
    "pitch_m": ("pitch_m", "pitch"),
    "start_depth_m": ("start_depth_m",),
    "frame_rate_hz": ("frame_rate_hz", "frameRate", "FrameRate"),
}
STRUCTURES = ("param", "params", "parameters", "P")
SMALLEST = 32
"""Samples along the longest axis below which a variable is not taken for RF."""


@READERS.entry("matlab")
class Matlab(Reader):
    """Numeric arrays of 2 or 3 axes; geometry from scalars and parameter structures beside them."""

    name = "matlab"
    title = "MATLAB (.mat, v5 to v7.3)"
    extensions = (".mat",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the text header, which v7.3 keeps before its HDF5 signature."""
        return head.startswith(b"MATLAB 5.0 MAT-file") or head.startswith(b"MATLAB 7.3 MAT-file")

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the chosen variable, or several of one frame each as a sequence."""
        source = open_matlab(path)
        arrays = _candidates(source)
        variable = choose_variable(path, tuple(arrays), tuple(source.variables), options.variable)
        known, suggested, notes = _geometry(path, source, variable)
        members = [_member(path, source, name, options) for name in arrays[variable]]
        shape, axes = members[0][1:]
        if len(members) > 1:
            shape = (len(members), *shape[1:])
        readers = [member[0] for member in members]
        rows = _valid_rows(source, shape[1])

        def read_frame(index: int) -> Map:
            frame: Map = readers[index](0) if len(readers) > 1 else readers[0](index)
            return frame[:rows]

        return Recording(
            (shape[0], rows, shape[2]),
            known,
            read_frame,
            (path,),
            f"MATLAB {'v7.3' if isinstance(source, MatlabV73) else 'v5'}",
            suggested,
            variables=tuple(arrays),
            variable=variable,
            axes=axes,
            axes_assumed=options.axes is None,
            notes=notes,
        )


def open_matlab(path: Path) -> Source:
    """List the variables of a file of either version."""
    with path.open("rb") as stream:
        version = stream.read(10)
    return MatlabV73(path) if version == b"MATLAB 7.3" else MatlabV5(path)


def _candidates(source: Source) -> dict[str, tuple[str, ...]]:
    """Arrays that could be RF, best first; numbered arrays of one shape (Im1, Im2) also as one sequence."""
    fitting = [each for each in source.variables.values() if _fits(each)]
    fitting.sort(key=lambda each: (_rank(each.name), -int(np.prod(each.shape, dtype=object))))
    found: dict[str, tuple[str, ...]] = {}
    for each in fitting:
        stem = re.sub(r"\d+$", "", each.name)
        alike = [
            other.name
            for other in fitting
            if other.shape == each.shape and re.fullmatch(re.escape(stem) + r"\d+", other.name)
        ]
        if each.name in alike and len(alike) > 1 and sum(size > 1 for size in each.shape) == 2:
            alike.sort(key=lambda name: int(name[len(stem) :]))
            found.setdefault(", ".join(alike), tuple(alike))
    return {**found, **{each.name: (each.name,) for each in fitting}}


def _fits(variable: Variable) -> bool:
    extent = [size for size in variable.shape if size > 1]
    return variable.dtype is not None and len(extent) in {2, 3} and max(extent) >= SMALLEST


def _rank(name: str) -> int:
    return PREFERRED.index(name.lower()) if name.lower() in PREFERRED else len(PREFERRED)


def _member(path: Path, source: Source, name: str, options: ReadOptions) -> tuple[Any, tuple[int, int, int], str]:
    variable = source.variables[name]
    if variable.is_complex:
        raise ReadError(path, f"{name} holds complex IQ values without a demodulation frequency")
    if variable.dtype is not None:
        require_signed(path, variable.dtype, name)
    axes = resolve_axes(path, variable.shape, options.axes, _default_axes(variable))
    shape = sequence_shape(path, *arranged_shape(variable.shape, axes))
    return source.frames(name, axes), shape, axes


def _default_axes(variable: Variable) -> str:
    extent = [size for size in variable.shape if size > 1] if len(variable.shape) > 3 else list(variable.shape)
    if len(extent) == 2:
        return "al"
    frames_first = extent[1] == max(extent) and extent[0] == min(extent)
    return "fal" if frames_first or variable.name in FRAMES_FIRST else "alf"


def _valid_rows(source: Source, rows: int) -> int:
    """Rows that hold data, where `SampleNum` says so beside `BfData`."""
    if "SampleNum" not in source.variables or "BfData" not in source.variables:
        return rows
    count = int(positive(source.path, "SampleNum", source.value("SampleNum")))
    return min(rows, max(1, count))


def _geometry(path: Path, source: Source, variable: str) -> tuple[dict[str, float], dict[str, float], tuple[str, ...]]:
    values: dict[str, Any] = {}
    for name in (*STRUCTURES, *source.variables):
        each = source.variables.get(name)
        if each is not None and name in STRUCTURES and each.is_struct:
            inner = source.value(name)
            values.update(inner if isinstance(inner, Mapping) else {})
        elif each is not None and each.dtype is not None and int(np.prod(each.shape, dtype=object)) == 1:
            values[name] = source.value(name)
    known = {
        ours: positive(path, name, values[name]) if ours != "start_depth_m" else float(values[name])
        for ours, names in NAMES.items()
        for name in names[::-1]
        if name in values
    }
    notes = _plausible_units(known)
    if "FPS" in values and variable.startswith("b_data"):
        known["sampling_hz"] = positive(path, "FPS", values["FPS"]) * 1e6
        notes.append("sampling rate from FPS, which is in MHz in files of this kind")
    suggested = {"sampling_hz": RATE_BY_NAME[variable]} if variable in RATE_BY_NAME else {}
    if suggested and "sampling_hz" not in known:
        notes.append(f"{variable} is recorded at {suggested['sampling_hz'] / 1e6:g} MHz in the known data sets")
    return known, suggested, tuple(notes)


def _plausible_units(known: dict[str, float]) -> list[str]:
    """Read frequencies below 1 kHz as MHz and a pitch above 1 cm as mm: nothing else can be meant."""
    notes: list[str] = []
    for name in ("sampling_hz", "center_hz"):
        if known.get(name, 1e6) < 1e3:
            known[name] *= 1e6
            notes.append(f"{name} is taken to be in MHz")
    if known.get("pitch_m", 0.0) > 1e-2:
        known["pitch_m"] *= 1e-3
        notes.append("pitch_m is taken to be in mm")
    return notes
