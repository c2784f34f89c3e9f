"""The one door to reading HDF5: every look and every read happens in the reading process, see `hdf5_process`.

What comes out are values of our own, a `Group` or a `Dataset`, never an object of the HDF5 library. No link out of the
file is followed, a file that the library cannot cope with is one ReadError, and the program lives on.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.reading_process import PROCESS, Answer, ReadingEndedError, stored_type

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_DESCRIPTION = 2**22
_Identity = tuple[str, int, int, int]
_HOPELESS: dict[_Identity, str] = {}
"""Files on which the reading process had to be ended, so that nobody tries them again, with the reason."""


def is_hdf5(head: bytes) -> bool:
    """Whether the first bytes are those of an HDF5 file, also after a user block of 512, 1024 or 2048 bytes."""
    return any(head[start : start + 8] == SIGNATURE for start in (0, 512, 1024, 2048))


def start_reading() -> None:
    """Start the reading process before it is needed."""
    PROCESS.start()


@dataclass(frozen=True)
class Group:
    """A group: the names in it, and its attributes as text, numbers, arrays of numbers, or None."""

    path: Path
    place: tuple[str, ...]
    names: tuple[str, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Path inside the file."""
        return "/" + "/".join(self.place)

    @property
    def file(self) -> "Group":
        """The root of its file."""
        return _root(self.path)

    def keys(self) -> tuple[str, ...]:
        """Names of the members."""
        return self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


@dataclass(frozen=True)
class Dataset:
    """A dataset: type and shape are known, values are read by subscripts of whole numbers and slices without steps.

    `kind` is "numbers", "pair" (of numbers with names, as complex values are kept), "reference", "text" or "other".
    """

    path: Path
    place: tuple[str, ...]
    shape: tuple[int, ...]
    type_text: Any
    attrs: Mapping[str, Any]
    stored_bytes: int
    piece_bytes: int
    problem: str = ""
    first: tuple[str, ...] = ()
    """Where the first of some references leads."""

    @property
    def name(self) -> str:
        """Path inside the file."""
        return "/" + "/".join(self.place)

    @property
    def kind(self) -> str:
        """What the values are."""
        if isinstance(self.type_text, list):
            return "pair"
        return self.type_text if self.type_text in {"reference", "text", "other"} else "numbers"

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values; of what is neither numbers nor pairs, that of objects."""
        return stored_type(self.type_text) if self.kind in {"numbers", "pair"} else np.dtype(object)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=object))

    def __getitem__(self, key: Any) -> Any:
        """Read values: numbers as an array (0 axes for one), texts and what references lead to as lists."""
        parts = key if isinstance(key, tuple) else (key,)
        if len(parts) > self.ndim:
            raise IndexError(f"{self.name} has {self.ndim} axes, not {len(parts)}")
        wanted = [_part(self.name, part, size) for part, size in zip(parts, self.shape, strict=False)]
        answer, values = _ask(self.path, "read", self.place, key=wanted)
        return values if values is not None else answer.get("value")


class _Kept(threading.local):
    """What was looked at in the file that a thread has open, so that it is asked for once."""

    depth = 0
    file: _Identity | None = None

    def __init__(self) -> None:
        self.looks: dict[tuple[str, ...], Answer] = {}

    def take(self, file: _Identity) -> None:
        """Turn to a file; another, or what the same one was before it was written to, is closed."""
        if file != self.file:
            self.let_go()
            self.file = file

    def let_go(self) -> None:
        """Close the file, if there is one."""
        self.looks.clear()
        if self.file is not None:
            self.file = None
            PROCESS.ask_if_running({"do": "close"})


_KEPT = _Kept()


@contextmanager
def kept_open() -> Iterator[None]:
    """Keep a file that this thread opens again and again open until the outermost of these ends."""
    _KEPT.depth += 1
    try:
        yield
    finally:
        _KEPT.depth -= 1
        if not _KEPT.depth:
            _KEPT.let_go()


@contextmanager
def open_hdf5(path: Path) -> Iterator[Group]:
    """Yield the root of a file; what is no HDF5 file, or is damaged, is a ReadError."""
    with kept_open():
        yield _root(path)


def root_attribute(path: Path, name: str) -> object:
    """Return an attribute of the root, text decoded, or None where there is none or the file cannot be opened."""
    try:
        with open_hdf5(path) as file:
            return file.attrs.get(name)
    except (ReadError, OSError):
        return None


def names_at_root(path: Path) -> tuple[str, ...]:
    """Names at the top of the file; one that cannot be opened is a ReadError."""
    with open_hdf5(path) as file:
        return file.names


def plain(value: Any) -> Any:
    """Turn an array of one into its value; whatever else there is stays."""
    if isinstance(value, np.ndarray) and value.size == 1:
        return value.reshape(-1)[0].item()
    return value.item() if isinstance(value, np.generic) else value


def inside(path: Path, group: Any, name: str) -> Any:
    """Return the object at a path below `group`, or None; a link, of whatever kind, is refused."""
    if not isinstance(group, Group):
        return None
    place = (*group.place, *(part for part in name.strip("/").split("/") if part))
    return _found(path, place)


def dataset(path: Path, group: Any, name: str) -> Dataset:
    """Return the dataset at a path below `group`, all of whose values lie inside this file."""
    found = inside(path, group, name)
    if found is None:
        raise ReadError(path, f"{name} is missing")
    if not isinstance(found, Dataset):
        raise ReadError(path, f"{name} is not a dataset")
    if found.problem:
        raise ReadError(path, f"{name} {found.problem}")
    return found


def number_at(path: Path, group: Any, name: str) -> object:
    """Return the value of a dataset of one number, or None where there is no such dataset."""
    if inside(path, group, name) is None:
        return None
    found = dataset(path, group, name)
    if found.size != 1:
        raise ReadError(path, f"{name} must be one number, found shape {found.shape}")
    return plain(found[()])


def small_array(path: Path, group: Any, name: str) -> NDArray[np.float64]:
    """Return a whole dataset of numbers that describe, not of samples, as float64."""
    found = dataset(path, group, name)
    if found.dtype.kind not in "iuf" or not 1 <= found.size <= LARGEST_DESCRIPTION:
        raise ReadError(path, f"{name} must be an array of numbers, found {found.dtype}, shape {found.shape}")
    return np.atleast_1d(np.asarray(found[()], dtype=np.float64))


def nested(path: Path, group: Group, name: str, *, attributes: bool = False) -> Any:
    """Return all values below a name: groups as dictionaries, references as lists, text as str, numbers as arrays.

    Arrays have the order of MATLAB's axes, without axes of one; large ones are None. With `attributes`, those of groups
    are among their members. Too many values, or levels, are a ReadError.
    """
    place = (*group.place, *(part for part in name.strip("/").split("/") if part))
    answer, _ = _ask(path, "nested", place, attributes=attributes)
    return _unpacked(answer.get("value"))


def arrays_below(path: Path, group: Group, name: str, smallest: int) -> dict[str, Dataset]:
    """Return the arrays of at least so many numbers in structures and cells below a name, by paths as MATLAB's.

    `data` itself, if it is such an array, `data.rf` for a member, `data(2)` for an entry of a cell.
    """
    place = (*group.place, *(part for part in name.strip("/").split("/") if part))
    answer, _ = _ask(path, "arrays", place, smallest=smallest)
    return {f"{name}{each['path']}": _dataset_of(path, tuple(each["place"]), each) for each in answer["arrays"]}


def _part(name: str, part: Any, size: int) -> int | list[int] | None:
    """Write a subscript for the reading process: a number, [first, end], or None for the whole axis."""
    if isinstance(part, slice):
        if part.step not in {None, 1}:
            raise ValueError(f"{name} is read without steps")
        return None if part == slice(None) else list(part.indices(size)[:2])
    if not 0 <= int(part) < size:
        raise IndexError(f"{name} has no entry {part}")
    return int(part)


def _root(path: Path) -> Group:
    found = _found(path, ())
    assert isinstance(found, Group)
    return found


def _found(path: Path, place: tuple[str, ...]) -> Any:
    answer, _ = _ask(path, "look", place)
    attributes = _attributes(answer)
    match answer.get("kind"):
        case "group":
            return Group(path, place, tuple(answer["names"]), attributes)
        case "dataset":
            return _dataset_of(path, place, answer)
        case "other":
            return Group(path, place, (), attributes)
        case _:
            return None


def _attributes(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _unpacked(value) for name, value in answer.get("attributes", {}).items()}


def _dataset_of(path: Path, place: tuple[str, ...], answer: Mapping[str, Any]) -> Dataset:
    return Dataset(
        path,
        place,
        tuple(int(size) for size in answer["shape"]),
        answer["type"],
        _attributes(answer),
        int(answer["stored_bytes"]),
        int(answer["piece"]),
        str(answer["problem"]),
        tuple(map(str, answer["first"])),
    )


def _ask(path: Path, what: str, place: tuple[str, ...], **more: Any) -> Answer:
    identity = _identity(path)
    if identity in _HOPELESS:
        raise ReadError(path, _HOPELESS[identity])
    kept = _KEPT.depth > 0
    if kept:
        _KEPT.take(identity)
    known = _KEPT.looks.get(place) if what == "look" else None
    request = {"do": what, "path": os.fsencode(os.path.abspath(path)).hex(), "place": list(place), **more}
    try:
        answer, values = known or PROCESS.ask(request if kept else {**request, "close": True})
    except ReadingEndedError as error:
        _HOPELESS[identity] = str(error)
        raise ReadError(path, str(error)) from None
    if what == "look" and kept:
        _KEPT.looks[place] = answer, values
    if answer.get("denied"):
        raise PermissionError(13, "permission denied", str(path))
    if "refused" in answer:
        raise ReadError(path, str(answer["refused"]))
    return answer, values


def _identity(path: Path) -> _Identity:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise ReadError(path, "the file is not there any more") from None
    return os.path.abspath(path), found.st_ino, found.st_size, found.st_mtime_ns


def _unpacked(value: Any) -> Any:
    """Turn arrays back from what the reading process made of them, at every level."""
    if isinstance(value, dict):
        if value.keys() == {"type", "shape", "values"}:
            return np.array(value["values"], stored_type(value["type"])).reshape(value["shape"])
        return {name: _unpacked(each) for name, each in value.items()}
    return [_unpacked(each) for each in value] if isinstance(value, list) else value
