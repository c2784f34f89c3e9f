"""Results beside recordings: which results a path stands for, where the RF of one is, and both as one sequence."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from engine.errors import ReadError, StrainscopeError
from engine.files.own_formats import is_result_file
from engine.provenance import input_sha256
from engine.readers.base import Recording
from engine.readers.open import open_recording
from engine.readers.recognise import natural_key
from engine.recording_key import recording_key
from engine.types import Map, Result, RFSequence

EXTENSIONS = (".h5", ".hdf5")
Open = Callable[[tuple[Path, ...]], Recording]


def result_files(path: Path) -> tuple[Path, ...]:
    """Return the result files that a path stands for: itself, or those in a folder in natural order; perhaps none."""
    if path.is_dir():
        found = (entry for entry in path.iterdir() if entry.suffix.lower() in EXTENSIONS and is_result_file(entry))
        return tuple(sorted(found, key=natural_key))
    return (path,) if path.suffix.lower() in EXTENSIONS and is_result_file(path) else ()


def find_rf(result: Result, more: Iterable[tuple[Path, ...]] = (), read: Open | None = None) -> Recording | None:
    """Return the recording of a result: beside it or a folder above under its old name, or in one of `more` places.

    Whatever lies there is taken only if it is the very recording. Results that do not say which recording they are of
    have none. `read` opens files in place of `open_recording`, with what the user said about them for example.
    """
    read, path, name = read or _read, result.path, result.provenance.recording_name
    beside = [(folder / name,) for folder in path.parents[:2]] if path is not None and name else []
    for paths in (*beside, *more) if result.provenance.recording_key else ():
        if paths and all(place.exists() for place in paths):
            try:
                recording = read(paths)
                if is_rf_of(recording, result):
                    return recording
            except StrainscopeError:
                continue
    return None


def is_rf_of(recording: Recording, result: Result) -> bool:
    """Say whether a result is of a recording: by its key, or in older results by the hash of all its files."""
    made = result.provenance
    if made.recording_key:
        return recording_key(recording) == made.recording_key
    return input_sha256(joined(result, recording)) == made.input_sha256


def joined(result: Result, recording: Recording | None) -> RFSequence:
    """Return the recording in the geometry of its result; without it, a sequence whose frames cannot be read.

    Its frames are numbered as they were: those of a result alone go up to the last one that it names.
    """
    if recording is not None:
        return RFSequence(
            recording.shape,
            replace(result.geometry, sector=recording.sector),
            recording.read_frame,
            recording.paths,
            recording.format,
            truth=recording.truth,
            notes=recording.notes,
            companions=recording.companions,
            stored_frame=recording.stored_frame,
            result=result,
        )

    def read(_index: int) -> Map:
        raise ReadError(result.path or "result", "holds no RF, and its recording was not found")

    frames = max(result.reference_frame, *result.deformed_frames) + 1
    paths = () if result.path is None else (result.path,)
    shape = (frames, *result.shape[1:])
    return RFSequence(shape, result.geometry, read, paths, "Strainscope result", result=result, has_rf=False)


def _read(paths: tuple[Path, ...]) -> Recording:
    return open_recording(paths)
