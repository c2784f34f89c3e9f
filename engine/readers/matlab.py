"""MATLAB recordings, v5 to v7.3: arrays by themselves, in structures and in cells; geometry from anywhere in the file.

One file often holds one frame, or two as two variables (`Im1`, `Im2`; `rf_pre`, `rf_post`), which are offered as one
sequence. MATLAB names no axes: they are concluded from the values and from vectors beside them, and marked assumed.
Complex arrays are IQ, re-modulated where sampling rate and carrier are known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.arrays import NamedArray, candidates, choose, shared_rows
from engine.readers.common.axes import arranged_shape
from engine.readers.common.axis_evidence import AxisChoice, AxisEvidence, choose_axes
from engine.readers.common.axis_vectors import read_vectors
from engine.readers.common.checks import positive, sequence_shape
from engine.readers.common.iq import rf_from_iq
from engine.readers.matlab_file.geometry import Contents, matlab_geometry
from engine.readers.matlab_file.source import MAGIC, MatlabSource, open_matlab
from engine.readers.matlab_file.v73 import MatlabV73

FRAMES_FIRST = {"img", "Data"}
"""Names of arrays whose authors keep the frames on the first axis."""


@READERS.entry
class Matlab(Reader):
    """Numeric arrays of 2 or 3 axes."""

    name = "matlab"
    title = "MATLAB (.mat, v5 to v7.3)"
    extensions = (".mat",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the text header, which v7.3 keeps before its HDF5 signature."""
        return head.startswith(MAGIC)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the chosen variable, or several of one frame each as a sequence."""
        source = open_matlab(path)
        arrays = source.arrays()
        named = [NamedArray(name, each.shape, each.is_complex) for name, each in arrays.items()]
        choices = candidates(path, named, tuple(source.variables))
        variable, members = choose(path, choices, options.variable)
        contents = Contents.of(source)
        frames = _frames(source, members, contents, options)
        geometry = matlab_geometry(path, contents, variable, members[0])
        geometry.add(read_vectors(arrays[members[0]].shape, contents.vectors))
        recording = Recording(
            frames.shape,
            geometry.known,
            frames.read,
            (path,),
            f"MATLAB {'v7.3' if isinstance(source, MatlabV73) else 'v5'}",
            geometry.suggested,
            variables=tuple(choices),
            variable=variable,
            axes=frames.choice.letters,
            axes_assumed=frames.choice.assumed,
            notes=(*frames.choice.notes, *frames.notes, *geometry.notes),
            found_at=geometry.found_at,
        )
        if not arrays[members[0]].is_complex:
            return recording
        return rf_from_iq(path, frames.shape, frames.read, geometry.known, options).into(recording)


@dataclass(frozen=True)
class _Frames:
    """Frames of one array, or of several arrays of one frame each."""

    shape: tuple[int, int, int]
    choice: AxisChoice
    read: Callable[[int], NDArray[Any]]
    notes: tuple[str, ...]


def _frames(source: MatlabSource, members: tuple[str, ...], contents: "Contents", options: ReadOptions) -> _Frames:
    shape = source.arrays()[members[0]].shape
    said = read_vectors(shape, contents.vectors)
    evidence = AxisEvidence(
        shape,
        lambda: source.block(members[0]),
        time_axis=said.depth_axis,
        time_name=said.name,
        frames_last=members[0] not in FRAMES_FIRST,
    )
    choice = choose_axes(source.path, evidence, options.axes)
    sizes = {
        name: sequence_shape(source.path, *arranged_shape(source.arrays()[name].shape, choice.letters))
        for name in members
    }
    rows, notes = shared_rows(source.path, *({name: size[axis] for name, size in sizes.items()} for axis in (1, 2)))
    frames, _, lines = sizes[members[0]]
    rows = _valid_rows(source, rows)
    readers = [source.frames(name, choice.letters) for name in members]

    def read(index: int) -> NDArray[Any]:
        frame: NDArray[Any] = readers[index](0) if len(readers) > 1 else readers[0](index)
        return frame[:rows]

    return _Frames((max(frames, len(members)), rows, lines), choice, read, notes)


def _valid_rows(source: MatlabSource, rows: int) -> int:
    """Rows that hold data, where `SampleNum` says so beside `BfData`."""
    if "SampleNum" not in source.variables or "BfData" not in source.variables:
        return rows
    count = int(positive(source.path, "SampleNum", source.value("SampleNum")))
    return min(rows, max(1, count))
