"""MATLAB recordings, v5 to v7.3, by the variable names that are met in the field.

One file often holds one frame, or two as two variables (`Im1`, `Im2`), which are offered as one sequence. MATLAB
names no axes: samples x lines x frames is assumed (and marked so), with the exceptions below. Complex arrays are IQ,
re-modulated where sampling rate and carrier stand beside them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.base import READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.common.axes import arranged_shape, resolve_axes
from engine.readers.common.checks import positive, require_numbers, sequence_shape
from engine.readers.common.remodulate import RemodulatedFrames
from engine.readers.matlab_file.geometry import MatlabGeometry, matlab_geometry
from engine.readers.matlab_file.source import MAGIC, MatlabSource, open_matlab
from engine.readers.matlab_file.v5 import Variable
from engine.readers.matlab_file.v73 import MatlabV73

PREFERRED = ("rf", "rfdatadouble", "rfdatafilt", "rfdata", "rf_data", "rfmig", "bfdata", "img", "data")
FRAMES_FIRST = {"img", "Data"}
SMALLEST = 32
"""Samples along the longest axis below which a variable is not taken for RF."""


@dataclass(frozen=True)
class _Frames:
    """Frames of one array, or of several arrays of one frame each."""

    shape: tuple[int, int, int]
    axes: str
    is_complex: bool
    read: Callable[[int], NDArray[Any]]


@READERS.entry("matlab")
class Matlab(Reader):
    """Numeric arrays of 2 or 3 axes; geometry from scalars and parameter structures beside them."""

    name = "matlab"
    title = "MATLAB (.mat, v5 to v7.3)"
    extensions = (".mat",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the text header, which v7.3 keeps before its HDF5 signature."""
        return head.startswith(MAGIC)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the chosen variable, or several of one frame each as a sequence."""
        source = open_matlab(path)
        arrays = _candidates(source)
        variable = choose_variable(path, tuple(arrays), tuple(source.variables), options.variable)
        frames = _frames(path, source, arrays[variable], options)
        geometry = matlab_geometry(path, source, variable)
        read, shape = frames.read, frames.shape
        if frames.is_complex:
            rf = _remodulated(path, variable, frames, geometry)
            read, shape = rf, rf.shape
        return Recording(
            shape,
            geometry.known,
            read,
            (path,),
            f"MATLAB {'v7.3' if isinstance(source, MatlabV73) else 'v5'}",
            geometry.suggested,
            variables=tuple(arrays),
            variable=variable,
            axes=frames.axes,
            axes_assumed=options.axes is None,
            notes=tuple(geometry.notes),
        )


def _candidates(source: MatlabSource) -> dict[str, tuple[str, ...]]:
    """Arrays that could be RF, best first; numbered arrays of one shape (Im1, Im2) also as one sequence."""
    fitting = [each for each in source.variables.values() if _fits(each)]
    fitting.sort(
        key=lambda each: (_rank(each.name), -int(np.prod(each.shape, dtype=object)), len(each.name), each.name)
    )
    found: dict[str, tuple[str, ...]] = {}
    for each in fitting:
        alike = _numbered_like(each, fitting)
        if len(alike) > 1:
            found.setdefault(", ".join(alike), alike)
    return {**found, **{each.name: (each.name,) for each in fitting}}


def _numbered_like(first: Variable, fitting: list[Variable]) -> tuple[str, ...]:
    """Names that differ from this one in their number only, of single frames of its shape, in order."""
    stem = re.sub(r"\d+$", "", first.name)
    if stem == first.name or sum(size > 1 for size in first.shape) != 2:
        return ()
    names = [each.name for each in fitting if each.shape == first.shape and each.is_complex == first.is_complex]
    alike = [name for name in names if name.startswith(stem) and re.fullmatch(r"\d+", name[len(stem) :])]
    return tuple(sorted(alike, key=lambda name: int(name[len(stem) :])))


def _fits(variable: Variable) -> bool:
    extent = [size for size in variable.shape if size > 1]
    return variable.dtype is not None and len(extent) in {2, 3} and max(extent) >= SMALLEST


def _rank(name: str) -> int:
    return PREFERRED.index(name.lower()) if name.lower() in PREFERRED else len(PREFERRED)


def _frames(path: Path, source: MatlabSource, names: tuple[str, ...], options: ReadOptions) -> _Frames:
    variable = source.variables[names[0]]
    if variable.dtype is not None:
        require_numbers(path, variable.dtype, names[0])
    axes = resolve_axes(path, variable.shape, options.axes, _default_axes(variable))
    frames, stored_rows, lines = sequence_shape(path, *arranged_shape(variable.shape, axes))
    rows = _valid_rows(source, stored_rows)
    readers = [source.frames(name, axes) for name in names]

    def read(index: int) -> NDArray[Any]:
        frame: NDArray[Any] = readers[index](0) if len(readers) > 1 else readers[0](index)
        return frame[:rows]

    return _Frames((max(frames, len(names)), rows, lines), axes, variable.is_complex, read)


def _default_axes(variable: Variable) -> str:
    extent = [size for size in variable.shape if size > 1] if len(variable.shape) > 3 else list(variable.shape)
    if len(extent) == 2:
        return "al"
    frames_first = extent[1] == max(extent) and extent[0] == min(extent)
    return "fal" if frames_first or variable.name in FRAMES_FIRST else "alf"


def _valid_rows(source: MatlabSource, rows: int) -> int:
    """Rows that hold data, where `SampleNum` says so beside `BfData`."""
    if "SampleNum" not in source.variables or "BfData" not in source.variables:
        return rows
    count = int(positive(source.path, "SampleNum", source.value("SampleNum")))
    return min(rows, max(1, count))


def _remodulated(path: Path, name: str, frames: _Frames, geometry: MatlabGeometry) -> RemodulatedFrames:
    if not {"sampling_hz", "center_hz"} <= set(geometry.known):
        raise ReadError(path, f"{name} holds complex IQ; its sampling rate (fs) and carrier (fc) are not beside it")
    rf = RemodulatedFrames(path, frames.shape, frames.read, geometry.known["sampling_hz"], geometry.known["center_hz"])
    geometry.known["sampling_hz"] = rf.sampling_hz
    geometry.notes.append(rf.note)
    return rf
