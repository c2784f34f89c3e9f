"""What kind of data a frame shows to be, whatever its label says: RF, RF around a level, or no RF at all.

RF oscillates along depth and takes both signs about its mean; B-mode and envelope take one sign and do not oscillate,
nor do positions and noise. A label that says otherwise is a note, and the user's word (`ReadOptions.kind`) wins.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.base import Recording
from engine.readers.common.oscillation import CLEAR, oscillation
from engine.types import Map

FEW_LINES = 4
"""Columns up to which numbers that do not oscillate are positions or a table rather than an image."""
NOTABLE_LEVEL = 0.5
"""Mean over standard deviation from which RF is kept around a level on purpose."""


def settle_kind(recording: Recording, wanted: str | None) -> Recording:
    """Return the recording as RF with what there is to note; a ReadError says what else its first frame shows."""
    path, frame = recording.paths[0], recording.read_frame(0)
    _require_values(path, recording, frame)
    depth, lines = (oscillation(frame, axis) for axis in (0, 1))
    level = float(np.median(frame)) if wanted == "offset" else level_of(frame)
    notes: list[str] = []
    if wanted is None and depth < CLEAR:
        notes += _without_oscillation(path, recording, frame, lines)
    if level is not None and (wanted == "offset" or (wanted is None and depth >= CLEAR)):
        recording = replace(recording, read_frame=_Levelled(recording, level), kind="offset")
        notes.append(level_note(level))
    if recording.says_no_rf and wanted is None:
        notes.append(f"{recording.says_no_rf}, but its values oscillate along depth: they are read as RF")
    return replace(recording, notes=(*recording.notes, *notes))


def level_of(values: NDArray[Any]) -> float | None:
    """Return the level around which RF values are kept, or None where they lie around zero or are not finite."""
    mean, level, spread = float(values.mean()), float(np.median(values)), float(values.std())
    if not np.isfinite([mean, level, spread]).all():
        return None
    one_sided = float(values.min()) >= 0 or float(values.max()) <= 0
    around = abs(mean) > NOTABLE_LEVEL * spread and abs(mean - level) < NOTABLE_LEVEL * spread
    return level if one_sided or around else None


def level_note(level: float) -> str:
    """Say that a level is taken off."""
    return f"its values lie around a level of {level:.6g}, which is taken off (--data-kind rf leaves it)"


class _Levelled:
    """Frames less a level."""

    def __init__(self, recording: Recording, level: float) -> None:
        self._read, self._level = recording.read_frame, np.float32(level)

    def __call__(self, index: int) -> Map:
        return np.asarray(self._read(index) - self._level, np.float32)


def _require_values(path: Path, recording: Recording, frame: NDArray[np.float32]) -> None:
    bad = frame.size - int(np.isfinite(frame).sum())
    if bad:
        raise ReadError(path, f"frame 0 holds {bad} values that are not finite numbers")
    if frame.min() == frame.max():
        raise ReadError(path, f"frame 0 holds nothing but the value {frame.flat[0]:g}")
    if frame.shape[1] == 1:
        raise ReadError(
            path,
            f"{_named(recording)}holds a single line of {frame.shape[0]} samples: put the lines of a frame side by "
            "side into one array, samples x lines",
        )


def _without_oscillation(path: Path, recording: Recording, frame: NDArray[np.float32], lines: float) -> list[str]:
    """Refuse what cannot be RF; what might be is questioned in a note."""
    rows, columns = frame.shape
    if recording.says_no_rf:
        raise ReadError(path, f"holds B-mode, not RF: {recording.says_no_rf}, and no line of it oscillates")
    if float(frame.min()) >= 0 or float(frame.max()) <= 0:
        side = "below" if float(frame.min()) >= 0 else "above"
        raise ReadError(path, f"holds B-mode or envelope, not RF: no value is {side} zero, and no line oscillates")
    if columns <= FEW_LINES:
        raise ReadError(
            path,
            f"{_named(recording)}looks like a table or positions ({rows} x {columns}), not RF: no column oscillates",
        )
    if lines >= CLEAR:
        turned = recording.axes.translate(str.maketrans("al", "la"))
        return [f"its values oscillate along the lines, not along depth: are its axes {turned}? Turn them with --axes"]
    return ["its values do not oscillate along depth: is this RF, and are these its axes?"]


def _named(recording: Recording) -> str:
    return f"{recording.variable} " if recording.variable else ""
