"""The one door to HDF5: a lock around every call, files opened only while they are read, no link out of the file.

h5py holds one global lock of its own; taking ours first keeps a slow read from being interleaved with another thread's.
A file is opened for each read, so none stays open behind a recording that has been forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_DESCRIPTION = 2**22
_LOCK = RLock()


def is_hdf5(head: bytes) -> bool:
    """Whether the first bytes are those of an HDF5 file, also after a user block of 512, 1024 or 2048 bytes."""
    return any(head[start : start + 8] == SIGNATURE for start in (0, 512, 1024, 2048))


@contextmanager
def open_hdf5(path: Path) -> Iterator["h5py.File"]:
    """Open a file to read, under the lock; what is no HDF5 file is a ReadError."""
    import h5py

    with _LOCK:
        try:
            file = h5py.File(path, "r", locking=False)
        except PermissionError:
            raise
        except FileNotFoundError:
            raise ReadError(path, "the file is not there any more") from None
        except (OSError, RuntimeError) as error:
            raise ReadError(path, f"damaged or truncated HDF5 file ({_first_line(error)})") from None
        with file:
            yield file


def root_attribute(path: Path, name: str) -> object:
    """Return an attribute of the root, text decoded, or None where there is none or the file cannot be opened."""
    try:
        with open_hdf5(path) as file:
            return plain(file.attrs.get(name))
    except (ReadError, OSError, RuntimeError, KeyError, TypeError, ValueError):
        return None


def names_at_root(path: Path) -> tuple[str, ...]:
    """Names at the top of the file, empty where it cannot be opened."""
    try:
        with open_hdf5(path) as file:
            return tuple(file)
    except (ReadError, OSError, RuntimeError, ValueError):
        return ()


def plain(value: Any) -> Any:
    """Turn an attribute into str, number or array: bytes are decoded, arrays of one become their value."""
    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        return plain(value.reshape(-1)[0])
    return value.item() if isinstance(value, np.generic) else value


def inside(path: Path, group: "h5py.Group", name: str) -> Any:
    """Return the object at a path below `group`, or None; a link that leaves the file is refused."""
    import h5py

    here: Any = group
    for part in name.strip("/").split("/"):
        if not isinstance(here, h5py.Group):
            return None
        link = here.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ReadError(path, f"{name} is a link, and links are not followed")
        here = here[part]
    return here


def dataset(path: Path, group: "h5py.Group", name: str) -> "h5py.Dataset":
    """Return the dataset at a path below `group`, all of whose values lie inside this file."""
    import h5py

    found = inside(path, group, name)
    if found is None:
        raise ReadError(path, f"{name} is missing")
    if not isinstance(found, h5py.Dataset):
        raise ReadError(path, f"{name} is not a dataset")
    if found.is_virtual or found.external:
        raise ReadError(path, f"{name} keeps its values in another file, which is not followed")
    _require_filters(path, found, name)
    return found


def _require_filters(path: Path, found: "h5py.Dataset", name: str) -> None:
    """Refuse compression that cannot be undone here; Blosc and its kin come with the extra `formats`."""
    from h5py import h5z

    properties = found.id.get_create_plist()
    filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    if all(h5z.filter_avail(number) for number in filters):
        return
    if find_spec("hdf5plugin") is not None:
        import_module("hdf5plugin")  # registers its filters
    missing = [str(number) for number in filters if not h5z.filter_avail(number)]
    if missing:
        raise ReadError(
            path, f"{name} is compressed with HDF5 filter {', '.join(missing)}: install the extra `formats` to read it"
        )


def number_at(path: Path, group: "h5py.Group", name: str) -> object:
    """Return the value of a dataset of one number, or None where there is no such dataset."""
    if inside(path, group, name) is None:
        return None
    found = dataset(path, group, name)
    if found.size != 1:
        raise ReadError(path, f"{name} must be one number, found shape {found.shape}")
    return plain(found[()])


def small_array(path: Path, group: "h5py.Group", name: str) -> NDArray[np.float64]:
    """Return a whole dataset of numbers that describe, not of samples, as float64."""
    found = dataset(path, group, name)
    if found.dtype.kind not in "iuf" or not 1 <= found.size <= LARGEST_DESCRIPTION:
        raise ReadError(path, f"{name} must be an array of numbers, found {found.dtype}, shape {found.shape}")
    return np.atleast_1d(np.asarray(found[()], dtype=np.float64))


def _first_line(error: Exception) -> str:
    text = str(error).splitlines()
    return text[0][:120] if text else type(error).__name__
