"""The way in: files or folders to one `Recording`, recognised by content, with one clear line for everything else."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.errors import ParameterError, ReadError, StrainscopeError
from engine.files.hdf5_reading import kept_open
from engine.files.unchanged import FileStamp, stamps
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.arrays import LAST_ROWS
from engine.readers.common.checks import DAMAGED
from engine.readers.common.frame_times import frame_times
from engine.readers.common.kind import settle_kind
from engine.readers.common.unfold import folding_note, require_foldable, unfold, unfolding_factor
from engine.readers.headerless import HEADERLESS
from engine.readers.recognise import find_recordings
from engine.types import Map

DEFAULTS = ReadOptions()


def open_recording(paths: str | Path | Sequence[str | Path], options: ReadOptions = DEFAULTS) -> Recording:
    """Open a file, several, or folders of files, as one recording.

    Several files of one frame each become one sequence in natural order (`f9` before `f10`); they must agree in
    format, shape and geometry. The first frame is checked to be RF. Nothing else is read before it is asked for.

    Parameters
    ----------
    paths
        One path, or several.
    options
        What a user knows better than the file: kind of data, axes, sector.

    Returns
    -------
    Recording
        Shape (frames, samples, lines) and what the file says of its geometry; `complete()` fills in the rest and
        gives the `RFSequence`.

    Raises
    ------
    ReadError
        Whatever is wrong with a file, in one line that names it.
    ParameterError
        What is given is no path.

    >>> recording = open_recording("resources/examples/demo.h5")
    >>> recording.shape[0], recording.format
    (10, 'Strainscope RF (HDF5)')
    >>> recording.complete().geometry.center_hz
    8000000.0
    """
    several = [paths] if isinstance(paths, str | Path) else paths
    try:
        files = [Path(path) for path in several]
    except TypeError:
        raise ParameterError(f"expected a path or several, found {paths!r}") from None
    # numbers of a damaged file overflow; those not finite are refused
    with kept_open(), np.errstate(over="ignore", invalid="ignore"):
        found = find_recordings(files) if options.layout is None else dict.fromkeys(files, HEADERLESS)
        recordings = [_open_one(path, reader, options) for path, reader in found.items()]
        recording = recordings[0] if len(recordings) == 1 else _join(recordings)
        if options.sector is not None:
            known = {name: value for name, value in recording.known.items() if name != "pitch_m"}
            recording = replace(recording, sector=options.sector, sector_source="user", known=known)
        return recording if recording.costly else _inspect(recording, options)


def _open_one(path: Path, reader: Reader, options: ReadOptions) -> Recording:
    before = FileStamp.of(path)
    try:
        recording = reader.read(path, options)
    except StrainscopeError:
        raise
    except PermissionError:
        raise ReadError(path, "no permission to read this file") from None
    except DAMAGED as error:
        raise ReadError(path, f"damaged file of format {reader.title} ({_one_line(error)})") from None
    except Exception as error:
        if READERS.has_failed(reader.name, error):
            raise ReadError(path, f"the plug-in that reads {reader.title} failed ({_one_line(error)})") from error
        raise
    files = (before, *stamps((*recording.paths, *recording.companions)))
    return replace(recording, read_frame=_guarded(path, recording.read_frame, tuple(dict.fromkeys(files))))


def _guarded(path: Path, read_frame: Callable[[int], Map], files: tuple[FileStamp, ...]) -> Callable[[int], Map]:
    """Turn whatever a file can do while a frame is read into one ReadError, and any item type into float32.

    A file that was written to since it was opened is one too: its frames would be of another recording.

    A value too large for float32 becomes infinite, which is refused as not finite where frames are checked.
    """

    def read(index: int) -> Map:
        try:
            for file in files:
                file.require()
            with np.errstate(over="ignore", invalid="ignore"):
                return np.ascontiguousarray(read_frame(index), dtype=np.float32)
        except StrainscopeError:
            raise
        except PermissionError:
            raise ReadError(path, "no permission to read this file any more") from None
        except FileNotFoundError:
            raise ReadError(path, "the file is not there any more") from None
        except DAMAGED as error:
            raise ReadError(path, f"frame {index} cannot be read ({_one_line(error)})") from None

    return read


def _join(recordings: list[Recording]) -> Recording:
    """Make one sequence of files of one frame each."""
    first = recordings[0]
    for each in recordings:
        if each.shape[0] != 1:
            raise ReadError(
                each.paths[0], f"holds {each.shape[0]} frames; several files make one sequence only with one frame each"
            )
        odd = _difference(first, each)
        if odd:
            raise ReadError(each.paths[0], f"does not fit {first.paths[0].name}: {odd}")
    paths = tuple(path for each in recordings for path in each.paths)
    companions = tuple(path for each in recordings for path in each.companions)
    rows = min(each.shape[1] for each in recordings)
    readers = [each.read_frame for each in recordings]
    longest = max(each.shape[1] for each in recordings)
    cut = (f"frames have {rows} to {longest} rows and are cut to the {rows} that all have",) if longest > rows else ()
    stored = [each.stored_frame for each in recordings if each.stored_frame is not None]
    times = [each.time_s for each in recordings if each.time_s is not None]
    rate, time_notes = frame_times(times) if len(times) == len(recordings) else (None, ())
    return replace(
        first,
        known=dict(first.known) if rate is None else {**first.known, "frame_rate_hz": rate},
        notes=(*first.notes, *cut, *time_notes),
        shape=(len(recordings), rows, first.shape[2]),
        paths=paths,
        companions=companions,
        read_frame=lambda index: readers[index](0)[:rows],
        truth=None,
        stored_frame=(lambda index: stored[index](0)) if len(stored) == len(recordings) else None,
    )


def _difference(first: Recording, other: Recording) -> str | None:
    if other.format != first.format:
        return f"it is {other.format}, not {first.format}"
    rows, most = sorted((first.shape[1], other.shape[1]))
    if other.shape[2] != first.shape[2] or most - rows > LAST_ROWS * most:
        return f"its frames are {other.shape[1]} x {other.shape[2]}, not {first.shape[1]} x {first.shape[2]}"
    for name in sorted(set(first.known) | set(other.known)):
        mine, theirs = first.known.get(name), other.known.get(name)
        if mine is None or theirs is None or not math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-9):
            return f"its {name} is {theirs}, not {mine}"
    return None


def _inspect(recording: Recording, options: ReadOptions) -> Recording:
    """Settle from frame 0 what kind of data it is, and propose the centre frequency that its spectrum shows."""
    recording = _unfolded(settle_kind(recording, options.kind), options)
    if "center_hz" in recording.known:
        return recording
    try:
        return replace(recording, suggested=recording.suggestions())
    except ParameterError:
        return recording


def _unfolded(recording: Recording, options: ReadOptions) -> Recording:
    """Unfold what is sampled below twice its carrier, where the spectrum agrees; else refuse it here."""
    folded = recording.folded(options.given)
    if folded is None:
        return recording
    sampling, center = folded
    require_foldable(recording.paths[0], recording.read_frame(0), sampling, center)
    factor, read = unfolding_factor(sampling, center), recording.read_frame
    frames, rows, lines = recording.shape
    known = dict(recording.known)
    if "sampling_hz" in known:
        known["sampling_hz"] *= factor
    return replace(
        recording,
        shape=(frames, rows * factor, lines),
        read_frame=lambda index: unfold(read(index), sampling, center),
        known=known,
        rate_factor=factor,
        notes=(*recording.notes, folding_note(sampling, center)),
    )


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:120] if text else type(error).__name__
