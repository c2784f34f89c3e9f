"""What a writer of data is: one registered class that owns its name, its endings and the reason why it cannot write.

The window's export menu and dialogs, `strainscope export` and the table in the guide are made from `WRITERS`, so a
format is one file of this folder.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from engine.errors import CancelledError, WriteError
from engine.maps.reading import ReadMap
from engine.quantity import AXIAL_STRAIN
from engine.registry import Registry
from engine.types import Ellipse, Result, RFSequence

Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Export:
    """All that may be written: a result, its recording, and what the numbers of a table are of.

    `persistence` is over how many frames strain is averaged before it is measured, `measured_above` the quality
    from which on pixels are; maps are written as estimated. A table measures `map` beside axial strain, as `read_map`
    reads it where it needs more than the result; its regions may `follow` the tissue.
    """

    result: Result | None = None
    recording: RFSequence | None = None
    target: Ellipse | None = None
    background: Ellipse | None = None
    lesion: Ellipse | None = None
    persistence: int = 1
    measured_above: float = 0.0
    map: str = AXIAL_STRAIN
    read_map: ReadMap | None = None
    follow: bool = False
    progress: Progress = lambda done, total: None
    cancelled: Cancelled = lambda: False

    def check(self) -> None:
        """Raise a CancelledError if the export is not wanted any more."""
        if self.cancelled():
            raise CancelledError("cancelled")

    def needed_result(self) -> Result:
        """Return the result of an export that is not refused for the lack of it."""
        if self.result is None:
            raise WriteError("there is no result to write")
        return self.result


class Writer(ABC):
    """A format: `extensions` are the endings of its files, each with what such a file is called in a dialog.

    `file_name` is what a dialog proposes. `with_recording` says that it writes the recording too, if there is one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    extensions: ClassVar[Mapping[str, str]]
    file_name: ClassVar[str]
    with_recording: ClassVar[bool] = False
    key: ClassVar[str] = ""
    """The shortcut of its entry in the window's menu."""

    def refuses(self, export: Export) -> Literal[False] | str:
        """Say why this cannot be written, in the words of an error, or False."""
        return "there is no result to write" if export.result is None else False

    @abstractmethod
    def write(self, export: Export, path: Path) -> None:
        """Write a file, whole or not at all; errors are a WriteError, or a CancelledError."""

    def save(self, export: Export, path: Path) -> None:
        """Write a file with one of the format's endings, unless the format refuses."""
        if path.suffix.lower() not in self.extensions:
            raise WriteError(f"cannot write {path}: {self.title} ends in {' or '.join(self.extensions)}")
        reason = self.refuses(export)
        if reason:
            raise WriteError(f"cannot write {path}: {reason}")
        self.write(export, path)


WRITERS: Registry[Writer] = Registry("export format", "engine.export", base=Writer, plugins="strainscope.writers")


def writer_for(suffix: str) -> Writer:
    """Return the first format whose files end so, the one whose usual name does before others."""
    usual = [entry for entry in WRITERS if entry.file_name.endswith(suffix.lower())]
    others = [entry for entry in WRITERS if suffix.lower() in entry.extensions]
    if not suffix or not (usual or others):
        known = ", ".join(dict.fromkeys(ending for entry in WRITERS for ending in entry.extensions))
        raise WriteError(f"no format of data ends in {suffix or 'nothing'}; there are {known}")
    return (usual or others)[0]


def markdown_table() -> str:
    """Write the formats as a table for the guide."""
    rows = [f"| {entry.title} | {', '.join(entry.extensions)} | {entry.help} |" for entry in WRITERS]
    return "\n".join(["| Data | Ending | What it holds |", "| --- | --- | --- |", *rows])
