"""Results kept on disk under everything that decides them: what was estimated once is there again.

A run is a folder of result files of one frame each, so that frames come in any order, each appears whole or not at all,
and a program that dies loses none that was there. The folder's name is a hash of recording, geometry, settings, weights
and program. The folder's time says when it was looked at last: beyond a limit the oldest run goes first.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from engine import __version__
from engine.errors import ReadError, StrainscopeError
from engine.export.result_file import ResultWriter, read_result
from engine.pipeline import Settings
from engine.provenance import make_provenance
from engine.types import FrameEstimate, Provenance, RFSequence

Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class KeptRun:
    """The frames of one run that are on disk."""

    folder: Path
    shape: tuple[int, int, int]
    provenance: Provenance

    def frames(self) -> tuple[int, ...]:
        """Frames that are there, in order."""
        return tuple(sorted(int(path.stem) for path in self.folder.glob("*.h5") if path.stem.isdecimal()))

    def touch(self) -> None:
        """Note that the run was looked at just now."""
        with suppress(OSError):
            os.utime(self.folder)

    def read(self, frame: int) -> FrameEstimate | None:
        """Return a frame's estimate; a file that is damaged or of something else is removed and counts as nothing."""
        path = self._path(frame)
        try:
            result = read_result(path)
            if result.shape != (1, *self.shape[1:]) or result.deformed_frames != (frame,):
                raise ReadError(path, "is not the frame that it is named after")
            return result.read_frame(0)
        except (StrainscopeError, OSError):
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None

    def write(self, estimate: FrameEstimate) -> None:
        """Keep a frame's estimate, unless it is there; a WriteError says why that cannot be."""
        path = self._path(estimate.deformed_frame)
        if path.exists():
            return
        with suppress(OSError):  # a folder that cannot be made is told by the writer
            self.folder.mkdir(parents=True, exist_ok=True)
        geometry, frames = estimate.strain.geometry, (estimate.deformed_frame,)
        reference, source = estimate.reference_frame, self.provenance
        with ResultWriter(path, self.shape, geometry, reference, frames, source, with_components=False) as writer:
            writer.append(estimate)

    def _path(self, frame: int) -> Path:
        return self.folder / f"{frame:06d}.h5"


@dataclass(frozen=True)
class ResultCache:
    """All runs below a folder, which together take `limit_bytes` at most.

    >>> run = ResultCache(Path("cache")).run(sequence, settings)  # doctest: +SKIP
    >>> estimates = {frame: run.read(frame) for frame in run.frames()}  # doctest: +SKIP
    """

    folder: Path
    limit_bytes: float = 10e9

    def run(self, sequence: RFSequence, settings: Settings, cancelled: Cancelled = lambda: False) -> KeptRun:
        """Return the place of the run of `settings` on `sequence`; settings that cannot run are a StrainscopeError."""
        provenance = make_provenance(sequence, settings, cancelled, hashed=False)
        facts = {
            "provenance": {**asdict(provenance), "recording_name": ""},
            "geometry": asdict(sequence.geometry),
            "shape": sequence.shape,
            "reference": settings.reference if settings.pairs.one_reference else None,
            "program": program_sha256(),
        }
        name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
        return KeptRun(self.folder / name, sequence.shape, provenance)

    def size(self) -> int:
        """Bytes on disk."""
        return sum(size for _, _, size in self._runs())

    def trim(self) -> None:
        """Remove the runs that were not looked at for longest, until the others fit."""
        runs = sorted(self._runs(), reverse=True)
        room = self.limit_bytes
        for _, folder, size in runs:
            room -= size
            if room < 0:
                shutil.rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove everything."""
        for _, folder, _ in self._runs():
            shutil.rmtree(folder, ignore_errors=True)

    def _runs(self) -> list[tuple[float, Path, int]]:
        """Time, folder and size of each run; folders that are not named after one are left alone."""
        found = []
        with suppress(OSError):
            for folder in self.folder.iterdir():
                if len(folder.name) == hashlib.sha256().digest_size * 2 and not folder.is_symlink() and folder.is_dir():
                    found.append((folder.stat().st_mtime, folder, sum(map(_size, folder.iterdir()))))
        return found


@cache
def program_sha256() -> str:
    """Hash of the program that computes: its version, and the text of all of `engine` where that is there."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
