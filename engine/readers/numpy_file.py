"""NumPy arrays: .npy memory-mapped, .npz member by member; objects are never unpickled.

An array says nothing of its axes: frame, axial, lateral is assumed (and marked so) unless the user says otherwise.
An .npz may hold the geometry as scalars under our own names (`sampling_hz`, `center_hz`, ...).
"""

import warnings
import zipfile
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from engine.errors import ReadError
from engine.readers.base import READERS, Reader, ReadOptions, Recording, choose_variable
from engine.readers.common.axes import arranged_shape, resolve_axes, take_frame
from engine.readers.common.checks import geometry_values, require_bytes, require_numbers, sequence_shape
from engine.types import Map, geometry_fields

Header = tuple[tuple[int, ...], bool, np.dtype[np.generic]]
UNREADABLE = (ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, zipfile.BadZipFile)
"""What NumPy raises on a header that is no Python literal."""

COMPLEX = "holds complex IQ values: convert them to RF, their demodulation frequency is not in the file"


@READERS.entry("numpy")
class NumpyFile(Reader):
    """One array, or one of several in an archive."""

    name = "numpy"
    title = "NumPy (.npy, .npz)"
    extensions = (".npy", ".npz")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise the magic of .npy, or a zip archive whose members are all .npy."""
        if head.startswith(b"\x93NUMPY"):
            return True
        if not head.startswith(b"PK\x03\x04") or not zipfile.is_zipfile(path):
            return False
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return False
        return bool(names) and all(name.endswith(".npy") for name in names)

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open either kind."""
        with path.open("rb") as stream:
            single = stream.read(6) == b"\x93NUMPY"
        return _read_npy(path, options) if single else _read_npz(path, options)


def _read_npy(path: Path, options: ReadOptions) -> Recording:
    with path.open("rb") as stream:
        shape, fortran, dtype = _header(path, stream)
        offset = stream.tell()
    axes, sizes = _arrange(path, shape, dtype, options)
    require_bytes(path, offset + int(np.prod(shape, dtype=object)) * dtype.itemsize, path.stat().st_size)
    stored = np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
    return Recording(
        sizes,
        {},
        lambda index: take_frame(stored, axes, index),
        (path,),
        "NumPy .npy",
        axes=axes,
        axes_assumed=options.axes is None,
    )


def _read_npz(path: Path, options: ReadOptions) -> Recording:
    headers: dict[str, Header] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                headers[member.filename.removesuffix(".npy")] = _header(path, stream)
        known = {
            name: np.load(archive.open(f"{name}.npy"), allow_pickle=False)
            for name in geometry_fields()
            if name in headers and headers[name][0] in {(), (1,)}
        }
    fitting = tuple(
        name for name, (shape, _, dtype) in headers.items() if len(shape) in {2, 3} and dtype.kind in "iufc"
    )
    variable = choose_variable(path, fitting, tuple(headers), options.variable)
    shape, fortran, dtype = headers[variable]
    axes, sizes = _arrange(path, shape, dtype, options)
    frames = _Member(path, f"{variable}.npy", shape, fortran, dtype, axes)
    return Recording(
        sizes,
        geometry_values(path, known),
        frames,
        (path,),
        "NumPy .npz",
        variables=fitting,
        variable=variable,
        axes=axes,
        axes_assumed=options.axes is None,
    )


class _Member:
    """Frames of one member of an archive; where a frame is one block of the member, no more than it is kept."""

    def __init__(
        self, path: Path, member: str, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[np.generic], axes: str
    ) -> None:
        self._path, self._member, self._shape, self._dtype = path, member, shape, dtype
        self._fortran, self._axes = fortran, axes
        with zipfile.ZipFile(path) as archive:
            declared = archive.getinfo(member).file_size
        require_bytes(path, int(np.prod(shape, dtype=object)) * dtype.itemsize, declared, f"the header of {member}")

    def __call__(self, index: int) -> Map:
        outermost = "f" not in self._axes or self._axes[-1 if self._fortran else 0] == "f"
        axes = self._axes.replace("f", "") if outermost else self._axes
        shape = tuple(n for n, letter in zip(self._shape, self._axes, strict=True) if letter in axes)
        size = int(np.prod(shape)) * self._dtype.itemsize
        with zipfile.ZipFile(self._path) as archive, archive.open(self._member) as stream:
            _header(self._path, stream)
            if outermost:
                stream.seek(index * size, 1)
            data = stream.read(size)
        require_bytes(self._path, size, len(data), self._member)
        stored = np.frombuffer(data, self._dtype).reshape(shape, order="F" if self._fortran else "C")
        return take_frame(stored, axes, index)


def _header(path: Path, stream: IO[bytes]) -> Header:
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran, dtype = read(stream)
    except UNREADABLE as error:
        reason = str(error).splitlines()[0][:100] if str(error) else "it ends too early"
        raise ReadError(path, f"damaged NumPy header: {reason}") from None
    if dtype.hasobject:
        raise ReadError(path, "holds Python objects, which are never unpickled")
    if any(size < 0 for size in shape):
        raise ReadError(path, f"damaged NumPy header: shape {shape}")
    return shape, fortran, dtype


def _arrange(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[np.generic], options: ReadOptions
) -> tuple[str, tuple[int, int, int]]:
    if dtype.kind == "c":
        raise ReadError(path, COMPLEX)
    require_numbers(path, dtype)
    axes = resolve_axes(path, shape, options.axes, "fal")
    return axes, sequence_shape(path, *arranged_shape(shape, axes))
