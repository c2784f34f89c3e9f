"""Which recording is this? A key made of its RF alone, so that a recording stays itself wherever its files lie.

Headers, names, places and formats say nothing: two recordings of one machine share their header byte for byte, and a
recording that is renamed, moved or converted without a change of its samples is still the same.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import CancelledError, StrainscopeError
from engine.readers.common.checks import DAMAGED


class Keyed(Protocol):
    """What has frames of RF: a `Recording` or an `RFSequence`."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, samples, lines."""

    @property
    def read_frame(self) -> Callable[[int], Any]:
        """Frame number to RF (H, W) float32."""

    @property
    def stored_frame(self) -> Callable[[int], NDArray[Any]] | None:
        """Frame number to the samples that a computed frame is made of."""


def recording_key(recording: Keyed, cancelled: Callable[[], bool] = lambda: False) -> str:
    """Key of a recording, of its shape and its first, middle and last frame alone: copies of it have the same.

    Of frames that are computed, as beamformed ones, the samples that they are made of count. A frame that cannot be
    read counts as such, so that a damaged recording still opens. Reads three frames: not for the window's thread.

    Parameters
    ----------
    recording
        A `Recording` or `RFSequence` (T, H, W).
    cancelled
        Asked before each frame.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    CancelledError
        `cancelled` said so.

    >>> from engine.types import Geometry, RFSequence
    >>> geometry = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> rf = np.random.default_rng(0).standard_normal((3, 64, 8)).astype(np.float32)
    >>> recording_key(RFSequence.from_array(rf, geometry)) == recording_key(RFSequence.from_array(rf.copy(), geometry))
    True
    """
    frames = recording.shape[0]
    digest = hashlib.sha256(" ".join(map(str, recording.shape)).encode())
    for index in sorted({0, frames // 2, frames - 1}):
        if cancelled():
            raise CancelledError("cancelled")
        digest.update(_samples(recording, index))
    return digest.hexdigest()


def _samples(recording: Keyed, index: int) -> bytes:
    try:
        if recording.stored_frame is not None:
            return np.ascontiguousarray(recording.stored_frame(index)).tobytes()
        return np.ascontiguousarray(recording.read_frame(index), dtype="<f4").tobytes()
    except CancelledError:
        raise
    except (StrainscopeError, *DAMAGED):
        return b"unreadable"
