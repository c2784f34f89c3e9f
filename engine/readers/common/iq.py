"""IQ of any layout to RF: complex pairs out of alternating samples or lines, and the carrier from file or user."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.readers.base import ReadOptions, Recording
from engine.readers.common.oscillation import CLEAR, oscillation
from engine.readers.common.remodulate import RemodulatedFrames
from engine.types import Map


@dataclass(frozen=True)
class RfFrames:
    """RF made from IQ: what of a `Recording` that decides; `known` replaces what the file said of the IQ."""

    shape: tuple[int, int, int]
    read: Callable[[int], Map]
    known: dict[str, float]
    rate_factor: int = 1
    pending: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stored: Callable[[int], NDArray[Any]] | None = None

    def into(self, recording: Recording) -> Recording:
        """Return the recording with these frames in place of its own."""
        return replace(
            recording,
            shape=self.shape,
            read_frame=self.read,
            known={**recording.known, **self.known},
            suggested={name: value for name, value in recording.suggested.items() if name != "sampling_hz"},
            rate_factor=self.rate_factor,
            pending=self.pending,
            costly=bool(self.pending),
            stored_frame=self.stored,
            notes=(*recording.notes, *self.notes),
        )


def rf_from_iq(
    path: Path,
    shape: tuple[int, int, int],
    read_iq: Callable[[int], NDArray[Any]],
    known: Mapping[str, float],
    options: ReadOptions,
    suggested: Mapping[str, float] | None = None,
) -> RfFrames:
    """Re-modulate complex IQ frames (H, W); without rate or carrier the frames wait until the user gives them."""
    values = {**(suggested or {}), **known, **options.given}
    pending = tuple(name for name in ("sampling_hz", "center_hz") if name not in values)
    if pending:
        note = "holds IQ, which becomes RF once its sampling rate and its carrier (demodulation frequency) are given"

        def wait(index: int) -> Map:
            raise ReadError(path, f"frame {index} is IQ: give {' and '.join(pending)} first")

        return RfFrames(shape, wait, dict(known), pending=pending, notes=(note,), stored=read_iq)
    rf = RemodulatedFrames(path, shape, read_iq, values["sampling_hz"], values["center_hz"])
    known = dict(known)
    if "sampling_hz" not in options.given:
        known["sampling_hz"] = rf.sampling_hz
    return RfFrames(rf.shape, rf, known, rate_factor=rf.factor, notes=(rf.note,), stored=read_iq)


@dataclass(frozen=True)
class SplitIq:
    """I and Q that alternate, sample by sample or line by line, taken apart: `read(k)` is complex (H, W)."""

    path: Path
    stored_shape: tuple[int, int, int]
    read_stored: Callable[[int], NDArray[Any]]
    by_lines: bool

    def __post_init__(self) -> None:
        count = self.stored_shape[2 if self.by_lines else 1]
        if count % 2:
            what = "lines" if self.by_lines else "samples"
            raise ReadError(self.path, f"is said to alternate I and Q, but has an odd number of {what}, {count}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, samples and lines of the pairs."""
        frames, rows, lines = self.stored_shape
        return (frames, rows, lines // 2) if self.by_lines else (frames, rows // 2, lines)

    def read(self, index: int) -> NDArray[np.complexfloating]:
        """Return frame `index`, complex (H, W)."""
        stored = np.asarray(self.read_stored(index), np.float32)
        if self.by_lines:
            return np.asarray(stored[:, 0::2] + 1j * stored[:, 1::2])
        return np.asarray(stored[0::2] + 1j * stored[1::2])

    def oscillates(self) -> bool:
        """Whether I alone is RF already: the pairs are an analytic signal then, not a baseband one."""
        return oscillation(self.read(0).real, 0) >= CLEAR
