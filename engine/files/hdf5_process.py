"""The reading process: the only place where the HDF5 library meets a file; run as a program, never imported by one.

The library can loop for ever, ask for any amount of memory, or end its process on a damaged file. Here it may: this
process is the child of one that keeps working, and is started anew. Before each request it limits its own processor
time and memory to what the request can need, where the system lets it.

A request is a length (4 bytes, little endian) and JSON; so is an answer, after which come the bytes of the array whose
type and shape it gives. Nothing is unpickled on either side. Only hard links are followed, and no dataset is read
whose values lie in another file, so nothing outside the file is ever opened.
"""

import json
import math
import os
import signal
import struct
import sys
from contextlib import suppress
from functools import cache
from typing import Any, BinaryIO

LENGTH = struct.Struct("<I")

LARGEST_READ = 2**27
"""Values that are read at a time: the channels of one frame, 128 transmits of 128 elements of 8192 samples."""

LARGEST_CHUNK_BYTES = 2**27
"""Bytes of one piece of a dataset, which the library inflates whole; ours hold one frame."""

LARGEST_GROUP = 2**14
LARGEST_ATTRIBUTE = 2**16
MOST_NESTED = 2**18
MOST_VISITED = 2**15
DEEPEST = 16
LARGEST_VALUE = 2**20
"""Entries of one value among nested ones above which it is left out: what describes is small."""

PROCESSOR_S = 0.7
SLOWEST_BYTES_S = 40e6
SPARE_BYTES = 160 * 2**20


class Refused(Exception):  # noqa: N818 - an answer more than an error
    """The file is whole, perhaps, but what it holds is not read; the message says why."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    shelf = _Shelf()
    while head := requests.read(LENGTH.size):
        request = json.loads(requests.read(LENGTH.unpack(head)[0]))
        answer, payload = _answer(shelf, request)
        text = json.dumps(answer).encode()
        answers.write(LENGTH.pack(len(text)) + text)
        if payload is not None:
            answers.write(payload)
        answers.flush()


def _answer(shelf: "_Shelf", request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    try:
        _limit(0)
        return ({}, None) if request["do"] == "close" else _done(shelf, request)
    except Refused as error:
        return {"refused": str(error)}, None
    except PermissionError:
        return {"denied": True}, None
    except FileNotFoundError:
        return {"refused": "the file is not there any more"}, None
    except MemoryError:
        return {"refused": "damaged file: reading it asks for more memory than what it holds can need"}, None
    except RecursionError:
        return {"refused": "damaged file: it is nested more deeply than can be"}, None
    except Exception as error:  # noqa: BLE001 - whatever the library says of a damaged file is one answer
        first = (str(error).splitlines() or [""])[0][:120]
        return {"refused": f"damaged or truncated HDF5 file ({first or type(error).__name__})"}, None
    finally:
        if request["do"] == "close" or request.get("close"):
            shelf.close()
        _unlimit()


def _done(shelf: "_Shelf", request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    file = shelf.take(os.fsdecode(bytes.fromhex(request["path"])))
    place = _Place(file, request["place"])
    match request["do"]:
        case "look":
            return _look(place), None
        case "read":
            return _read(place, request["key"])
        case "arrays":
            return {"arrays": _Arrays(file, request["smallest"]).below(place.found)}, None
        case _:
            return {"value": _Nested(file, request["attributes"]).of(place.found, 0)}, None


class _Shelf:
    """The one file that is open, and closed when another is asked for or the client says so."""

    def __init__(self) -> None:
        self._path = ""
        self._file: Any = None

    def take(self, path: str) -> Any:
        import h5py

        if path != self._path or self._file is None:
            self.close()
            with open(path, "rb"):  # the system's own words where it may not be read
                pass
            self._file = h5py.File(path, "r", locking=False, rdcc_nbytes=0)
            self._path = path
        return self._file

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


class _Place:
    """The object at a path, found by following hard links only."""

    def __init__(self, file: Any, names: list[str]) -> None:
        import h5py

        self.found: Any = file
        self.missing = False
        for name in names:
            link = self.found.get(name, getlink=True) if isinstance(self.found, h5py.Group) else None
            if link is None:
                self.found, self.missing = None, True
                return
            if not isinstance(link, h5py.HardLink):
                raise Refused(f"{'/'.join(names)} is a link, and links are not followed")
            self.found = self.found[name]


def _look(place: _Place) -> dict[str, Any]:
    """Describe an object: a group with its names, or a dataset with its shape; both with their attributes."""
    import h5py

    found = place.found
    if place.missing:
        return {"kind": "missing"}
    if isinstance(found, h5py.Group):
        if len(found) > LARGEST_GROUP:
            raise Refused(f"a group of {len(found)} members, more than can be")
        return {"kind": "group", "attributes": _attributes(found), "names": _names(found)}
    if not isinstance(found, h5py.Dataset):
        return {"kind": "other", "attributes": {}}
    shape = found.shape
    if shape is None:
        return {"kind": "other", "attributes": _attributes(found)}
    return _described(found)


def _described(found: Any) -> dict[str, Any]:
    shape = found.shape
    return {
        "kind": "dataset",
        "attributes": _attributes(found),
        "shape": list(shape),
        "type": _type_of(found.dtype),
        "problem": _problem(found),
        "stored_bytes": int(found.id.get_storage_size()),
        "piece": _piece_bytes(found),
        "first": _first_reference(found),
    }


def _piece_bytes(found: Any) -> int:
    return math.prod(found.chunks) * int(found.dtype.itemsize) if found.chunks else 0


def _first_reference(found: Any) -> list[str]:
    """Return the path to which the first of some references leads."""
    import h5py

    if _type_of(found.dtype) != "reference" or found.size == 0 or _problem(found):
        return []
    reference = found[(0,) * found.ndim]
    name = found.file[reference].name if isinstance(reference, h5py.Reference) and reference else None
    return [part for part in name.split("/") if part] if name else []


def _names(group: Any) -> list[str]:
    return [name if isinstance(name, str) else bytes(name).decode("utf-8", "backslashreplace") for name in group]


def _attributes(found: Any) -> dict[str, Any]:
    """Attributes that are text or numbers, by name."""
    if len(found.attrs) > LARGEST_GROUP:
        raise Refused(f"{len(found.attrs)} attributes at one place, more than can be")
    values: dict[str, Any] = {}
    for name in found.attrs:
        if not isinstance(name, str):
            continue
        _limit(0)
        kept = found.attrs.get_id(name)
        if kept.shape is not None and math.prod(kept.shape) <= LARGEST_ATTRIBUTE:
            values[name] = _plain(found.attrs[name])
    return values


def _plain(value: Any) -> Any:
    """Reduce to text, a number, a list of these, or {"shape", "values"} of a numeric array; else None."""
    import numpy as np

    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, np.ndarray):
        if value.size == 1:
            return _plain(value.reshape(-1)[0])
        if value.dtype.kind in "iufb":
            flat = value.astype(bool if value.dtype.kind == "b" else value.dtype)
            return {
                "type": value.dtype.newbyteorder("<").str,
                "shape": list(value.shape),
                "values": flat.ravel().tolist(),
            }
        texts = [_plain(each) for each in value.reshape(-1).tolist()]
        return texts if all(isinstance(text, str | int | float) for text in texts) else None
    if isinstance(value, np.generic):
        return value.item() if value.dtype.kind in "iufb" else None
    return value if isinstance(value, bool | int | float) else None


def _type_of(dtype: Any) -> Any:
    """Name a type: NumPy's own text, [[field, text], ...] of a pair of numbers, "reference", "text" or "other"."""
    import h5py

    if dtype.kind in "iufb":
        return dtype.str
    if dtype.names and len(dtype.names) == 2 and all(dtype[name].kind in "iuf" for name in dtype.names):
        return [[name, dtype[name].str] for name in dtype.names]
    if h5py.check_ref_dtype(dtype) is h5py.Reference:
        return "reference"
    return "text" if dtype.kind in "SU" or h5py.check_string_dtype(dtype) else "other"


def _problem(found: Any) -> str:
    """Say why the values of a dataset are not read, if there is a reason."""
    if found.is_virtual or found.external:
        return "keeps its values in another file, which is not followed"
    if _piece_bytes(found) > LARGEST_CHUNK_BYTES:
        return f"is stored in pieces of {_piece_bytes(found)} bytes, more than can be"
    return _filter_problem(found)


def _filter_problem(found: Any) -> str:
    """Refuse compression that cannot be undone here, or that is laid over itself; Blosc comes with an extra."""
    from h5py import h5z

    properties = found.id.get_create_plist()
    filters = [properties.get_filter(number)[0] for number in range(min(properties.get_nfilters(), 64))]
    if len(set(filters)) < len(filters):
        return "is compressed by one filter several times, which is not read"
    if all(h5z.filter_avail(number) for number in filters):
        return ""
    with suppress(ImportError):
        import hdf5plugin  # noqa: F401 - registers its filters
    absent = [str(number) for number in filters if not h5z.filter_avail(number)]
    numbers = ", ".join(absent)
    return f"is compressed with HDF5 filter {numbers}: install the extra `formats` to read it" if absent else ""


def _read(place: _Place, key: list[int | list[int] | None]) -> tuple[dict[str, Any], Any]:
    import h5py
    import numpy as np

    found = place.found
    if not isinstance(found, h5py.Dataset) or found.shape is None or len(key) > found.ndim:
        raise Refused("is not a dataset of so many axes")
    problem = _problem(found)
    if problem:
        raise Refused(problem)
    whole = [*key, *[None] * (found.ndim - len(key))]
    shape = [
        size if each is None else each[1] - each[0]
        for size, each in zip(found.shape, whole, strict=True)
        if not isinstance(each, int)
    ]
    count, kind = math.prod(shape), _type_of(found.dtype)
    if count > LARGEST_READ:
        raise Refused(f"{' x '.join(map(str, shape))} values at a time, more than can be")
    piece = _piece_bytes(found)
    taken = tuple(slice(None) if each is None else slice(*each) if isinstance(each, list) else each for each in key)
    if kind in ("text", "reference", "other"):
        if kind == "other" or count > LARGEST_ATTRIBUTE:
            raise Refused("holds neither numbers nor a few texts")
        _limit(2 * piece)
        return {"value": _Nested(place.found.file, False).entries(found, taken)}, None
    _limit(3 * count * found.dtype.itemsize + 3 * piece)
    values = np.ascontiguousarray(found[taken if taken else ()])
    return {"type": kind, "shape": shape}, values.reshape(-1).view(np.uint8).data


class _Nested:
    """Values below a place as dictionaries (groups), lists (references), texts and numbers, as MATLAB keeps them."""

    def __init__(self, file: Any, attributes: bool) -> None:
        self._file, self._attributes = file, attributes
        self._left = MOST_NESTED
        self._known: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def of(self, found: Any, depth: int) -> Any:
        """Return the value of a group or dataset; what several names lead to is read once, but counted each time."""
        import h5py

        address = h5py.h5o.get_info(found.id).addr
        known, cost = self._known.get(address, (None, 1))
        self._left -= cost
        if self._left < 0 or depth > DEEPEST or address in self._open:
            raise Refused(f"holds more than {MOST_NESTED} values, or more than {DEEPEST} levels, below one name")
        if address in self._known:
            return known
        before = self._left
        self._open.add(address)
        value = self._new(found, depth)
        self._open.discard(address)
        self._known[address] = value, 1 + before - self._left
        return value

    def _new(self, found: Any, depth: int) -> Any:
        import h5py

        _limit(0)
        if isinstance(found, h5py.Group):
            return self._group(found, depth)
        if not isinstance(found, h5py.Dataset) or found.shape is None or found.size > LARGEST_VALUE:
            return None
        if "MATLAB_empty" in found.attrs:
            return None
        if _problem(found):
            raise Refused(f"{found.name or 'a value'} {_problem(found)}")
        if h5py.check_ref_dtype(found.dtype) is not None:
            return self.entries(found, (), depth)
        if _type_of(found.dtype) in ("text", "other"):
            return _plain(found[()]) if found.size <= LARGEST_ATTRIBUTE else None
        self._left -= found.size // 8
        values = found[()].T
        if found.attrs.get("MATLAB_class", b"") in {b"char", "char"}:
            return "".join(chr(code) for code in values.reshape(-1).tolist())
        return _plain(values.squeeze())

    def entries(self, found: Any, key: Any, depth: int = 0) -> Any:
        """Return what references lead to, or texts, as a list; one alone as itself."""
        import h5py
        import numpy as np

        if h5py.check_ref_dtype(found.dtype) is None:
            return _plain(np.asarray(found[key]))
        if found.size > LARGEST_GROUP:
            raise Refused(f"a cell of {found.size} entries, more than can be")
        references = np.atleast_1d(np.asarray(found[key])).T.reshape(-1)
        values = [self.of(self._file[reference], depth + 1) for reference in references if reference]
        return values[0] if len(values) == 1 else values

    def _group(self, group: Any, depth: int) -> dict[str, Any]:
        import h5py

        if len(group) > LARGEST_GROUP:
            raise Refused(f"a group of {len(group)} members, more than can be")
        found = _attributes(group) if self._attributes else {}
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise Refused(f"{name} is a link, and links are not followed")
            found[str(name)] = self.of(group[name], depth + 1)
        return found


class _Arrays:
    """Arrays of numbers in nested groups and references, each once, with their paths in MATLAB's spelling."""

    def __init__(self, file: Any, smallest: int) -> None:
        self._file, self._smallest = file, smallest
        self._seen: set[int] = set()
        self._arrays: list[dict[str, Any]] = []

    def below(self, found: Any) -> list[dict[str, Any]]:
        """Return what is below an object."""
        self._visit(found, "", 0)
        return self._arrays

    def _visit(self, found: Any, path: str, depth: int) -> None:
        import h5py

        address = h5py.h5o.get_info(found.id).addr
        if address in self._seen or depth > DEEPEST:
            return
        self._seen.add(address)
        if len(self._seen) > MOST_VISITED:
            raise Refused(f"holds more than {MOST_VISITED} values in structures and cells")
        _limit(0)
        if isinstance(found, h5py.Group):
            self._visit_members(found, path, depth)
        elif isinstance(found, h5py.Dataset) and found.shape is not None:
            self._visit_dataset(found, path, depth)

    def _visit_members(self, group: Any, path: str, depth: int) -> None:
        import h5py

        if len(group) > LARGEST_GROUP:
            raise Refused(f"a group of {len(group)} members, more than can be")
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.HardLink):
                self._visit(group[name], f"{path}.{name}", depth + 1)

    def _visit_dataset(self, found: Any, path: str, depth: int) -> None:
        import numpy as np

        kind = _type_of(found.dtype)
        if kind == "reference" and found.size <= LARGEST_GROUP and not _problem(found):
            references = np.atleast_1d(found[()]).T.reshape(-1)
            for number, reference in enumerate(references, 1):
                if reference:
                    self._visit(self._file[reference], path if len(references) == 1 else f"{path}({number})", depth + 1)
        elif kind not in ("reference", "text", "other") and found.size >= self._smallest and found.name:
            place = [part for part in found.name.split("/") if part]
            self._arrays.append({**_described(found), "path": path, "place": place})


def _limit(needed_bytes: int) -> None:
    """Allow the next step its processor time and memory: more, and the system ends this process or says no."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_S + needed_bytes / SLOWEST_BYTES_S)
    if sys.platform == "linux":
        import resource

        used = int(os.pread(_own_pages(), 64, 0).split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = used + needed_bytes + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


@cache
def _own_pages() -> int:
    """Open, once, what the system says of this process's memory: it is asked at every step."""
    return os.open("/proc/self/statm", os.O_RDONLY)


def _unlimit() -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    """Take the client's search path, import what is needed, and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the client decides
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    sys.path[:] = json.loads(requests.read(LENGTH.unpack(requests.read(LENGTH.size))[0]))
    import h5py  # noqa: F401 - before it is needed
    import numpy as np  # noqa: F401

    serve(requests, answers)


if __name__ == "__main__":
    main()
