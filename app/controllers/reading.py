"""From files to what the window opens: a recording, or a result with its recording, and what is kept of either."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.jobs import JobControl
from app.state import Regions
from app.state.geometry_answer import GeometryAnswer
from app.state.workspace_file import Workspace
from app.state.workspace_store import WorkspaceStore
from engine.batch.listed import listed_results
from engine.batch.summary import SUMMARY
from engine.errors import ReadError, StrainscopeError
from engine.export.joined import find_rf, is_rf_of, joined, result_files
from engine.export.result_file import read_result
from engine.files.hdf5_reading import root_attribute
from engine.readers.base import ReadOptions, Recording
from engine.readers.headerless import bytes_key, may_lack_header
from engine.readers.open import open_recording
from engine.readers.recognise import UnknownFormatError
from engine.recording_key import recording_key
from engine.types import Ellipse, Result, RFSequence


@dataclass(frozen=True)
class Given:
    """A workspace from a file, to be applied to the recording that is opened; `name` is the file's."""

    name: str
    workspace: Workspace


@dataclass(frozen=True)
class OpenedFile:
    """A file that could be opened, what the user said about it, what is kept of it, and the regions it brings along.

    `key` is the recording's as it was read; `asked_key`, under which the answer is remembered, is that of the file
    read without any choice of array or axes, or that of the bytes of a file without a header.
    """

    paths: tuple[Path, ...]
    key: str
    asked_key: str
    recording: Recording
    answer: GeometryAnswer | None
    suggested: dict[str, float]
    regions: Regions
    kept: Workspace | None = None
    given: Given | None = None
    first_frame: int | None = None
    result: Result | None = None
    sequence: RFSequence | None = None
    listed: Mapping[Path, str] = field(default_factory=dict)
    without_rf: bool = False
    """Of a result: what it holds, the sequence of it and its recording, the results that it was opened with and what is
    said of each, and whether the user does without the recording."""


class LayoutNeededError(ReadError):
    """Files of no known format, which may be numbers without a header: `paths` can be read once it is said how."""

    def __init__(self, paths: tuple[Path, ...], problem: str) -> None:
        super().__init__(paths[0], problem)
        self.paths = paths


@dataclass(frozen=True)
class Wish:
    """What is to be opened: files or a folder, and what the user said about them just now if that was asked.

    Of a result, `rf` are the files of its recording, none to do without, None to look for them; `listed` are the
    results that it was chosen from, with what is said of each.
    """

    paths: tuple[Path, ...]
    answer: GeometryAnswer | None = None
    given: Given | None = None
    rf: tuple[Path, ...] | None = None
    listed: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unread:
    """A wish that waits until the user says how the numbers of `paths` lie."""

    wish: Wish
    paths: tuple[Path, ...]


def read_wish(wish: Wish, store: WorkspaceStore, control: JobControl) -> OpenedFile:
    """Open files and look what is kept of them; runs on the files' thread."""
    listed = _listed(wish.paths[0]) if len(wish.paths) == 1 else {}
    if listed:
        alone = wish.paths[0] in listed
        return _read_result(next(iter(listed)), wish, wish.listed if alone else listed, store, control)
    answer = wish.answer
    if answer is None and wish.given is not None and wish.given.workspace.geometry is not None:
        answer = wish.given.workspace.geometry.answer()
    told = open_as_told(wish.paths, store, answer, control.cancelled)
    recording, answer = told.recording, told.answer
    suggested = dict(recording.suggestions(answer.values if answer else None))
    regions, frame = _bundled_regions(recording.paths), _bundled_frame(recording)
    kept = store.get(told.key)
    return OpenedFile(
        wish.paths, told.key, told.asked_key, recording, answer, suggested, regions, kept, wish.given, frame
    )


def _listed(path: Path) -> dict[Path, str]:
    """Return the results that a path stands for, with what is said of each: a file, a folder, the table of a batch."""
    files, said = result_files(path), {}
    if not path.is_dir():
        said = listed_results(path)
    elif files and (path / SUMMARY).is_file():
        with suppress(ReadError):  # the results tell all the same
            said = listed_results(path / SUMMARY)
    return {file: said.get(file, "") for file in files} or said


def _read_result(
    path: Path, wish: Wish, listed: Mapping[Path, str], store: WorkspaceStore, control: JobControl
) -> OpenedFile:
    """Open a result with its recording: the one that is named, or else the one that is found."""

    def read(paths: tuple[Path, ...]) -> Recording:
        answer = wish.answer if paths == wish.rf else None
        return open_as_told(paths, store, answer, control.cancelled).recording

    result = read_result(path)
    key = result.provenance.recording_key
    kept = store.get(key) if key else None
    recording = None
    if wish.rf:
        recording = read(wish.rf)
        if not is_rf_of(recording, result):
            raise ReadError(wish.rf[0], f"is another recording than that of {path.name}")
    elif wish.rf is None:
        recording = find_rf(result, [] if kept is None else [tuple(map(Path, kept.paths))], read)
    sequence = joined(result, recording)
    key = key or recording_key(sequence if recording is not None else _of_maps(sequence, result))
    shown = recording or Recording(sequence.shape, {}, sequence.read_frame, (path,), sequence.format)
    opened = OpenedFile((path,), key, key, shown, None, {}, Regions(), kept or store.get(key))
    return replace(opened, result=result, sequence=sequence, listed=listed, without_rf=wish.rf == ())


@dataclass(frozen=True)
class Told:
    """A recording read as the user once said; `asked_key` is its key as it opens by itself."""

    recording: Recording
    key: str
    asked_key: str
    answer: GeometryAnswer | None


def open_as_told(
    paths: tuple[Path, ...],
    store: WorkspaceStore,
    answer: GeometryAnswer | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Told:
    """Open files as the user says now, which is remembered, or once said.

    Files of no known format that may be numbers without a header are a LayoutNeededError until it was said how these
    lie.
    """
    told = _told(paths, store, answer, cancelled)
    if answer is not None and answer != store.recall(told.asked_key):
        store.remember(told.asked_key, answer)
    return told


def _told(
    paths: tuple[Path, ...], store: WorkspaceStore, answer: GeometryAnswer | None, cancelled: Callable[[], bool]
) -> Told:
    if answer is not None and answer.options.layout is not None:
        return _without_header(paths, bytes_key(paths), answer, cancelled)
    try:
        recording = open_recording(paths)
    except UnknownFormatError as error:
        if not may_lack_header(paths):
            raise
        key = bytes_key(paths)
        recalled = store.recall(key)
        if recalled is None or recalled.options.layout is None:
            raise LayoutNeededError(paths, error.problem) from None
        return _without_header(paths, key, recalled, cancelled)
    key = asked_key = recording_key(recording, cancelled)
    answer = answer or store.recall(asked_key)
    if answer is not None and (
        recording.pending or answer.options != ReadOptions() or recording.folded(answer.values) is not None
    ):
        recording = open_recording(paths, replace(answer.options, given=answer.values))
        key = recording_key(recording, cancelled)
    return Told(recording, key, asked_key, answer)


def _without_header(
    paths: tuple[Path, ...], asked_key: str, answer: GeometryAnswer, cancelled: Callable[[], bool]
) -> Told:
    recording = open_recording(paths, replace(answer.options, given=answer.values))
    return Told(recording, recording_key(recording, cancelled), asked_key, answer)


def _of_maps(sequence: RFSequence, result: Result) -> RFSequence:
    """Return a sequence whose key is that of a result's maps, where it does not say of which recording it is."""
    return replace(sequence, shape=result.shape, stored_frame=lambda row: result.read_frame(row).displacement.axial_m)


def _bundled_regions(paths: tuple[Path, ...]) -> Regions:
    """Regions that a recording of our own format carries as attributes, as the demo does."""
    if len(paths) != 1:
        return Regions()
    # Through the reader's door: a second way of opening a file that another thread reads would fail.
    return Regions(*(_ellipse(root_attribute(paths[0], name)) for name in ("demo_target", "demo_background")))


def _bundled_frame(recording: Recording) -> int | None:
    """Frame at which a recording of our own format is to be opened, as the demo is at its best."""
    value = root_attribute(recording.paths[0], "demo_frame") if len(recording.paths) == 1 else None
    try:
        frame = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return None
    return frame if 0 <= frame < recording.shape[0] else None


def _ellipse(values: object) -> Ellipse | None:
    try:
        return Ellipse(*(float(value) for value in values))  # type: ignore[attr-defined]
    except (TypeError, ValueError, StrainscopeError):
        return None
