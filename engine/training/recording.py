"""A recording as training sees it: on the canonical grid, with the motion to start from, crops cut along the motion."""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from engine.errors import ParameterError
from engine.estimators.common.resample import CanonicalGrid
from engine.preprocess.alignment import bulk_motion
from engine.preprocess.pairing import normalise
from engine.training.alignment import fit
from engine.training.data import RawSequence
from engine.types import Geometry, RFSequence

SAMPLES_PER_PERIOD = 8.0
PITCH_M = (0.12e-3, 0.35e-3)

T = TypeVar("T")


class CanonicalRecording:
    """Frames (H, W) with 8 samples a period, and motion (2, H, W) in its lines and samples; the last ones are kept."""

    def __init__(
        self,
        sequence: RFSequence,
        samples_per_period: float = SAMPLES_PER_PERIOD,
        pitch_m: tuple[float, float] = PITCH_M,
        *,
        prealign: bool = True,
    ) -> None:
        native = sequence.geometry
        self.sequence = sequence
        self.grid = CanonicalGrid.of(sequence.shape[1:], native, samples_per_period, pitch_m)
        self.geometry = Geometry(
            native.sampling_hz * self.grid.axial_factor,
            native.center_hz,
            native.sound_speed_m_s,
            native.pitch_m / self.grid.lateral_factor,
            native.start_depth_m,
            native.frame_rate_hz,
        )
        self._prealign = prealign
        self._frames: dict[int, Tensor] = {}
        self._motions: dict[tuple[int, int], Tensor] = {}

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height and width."""
        return self.sequence.shape[0], *self.grid.shape

    @property
    def has_truth(self) -> bool:
        """Whether the true motion from frame 0 is known."""
        return self.sequence.truth is not None

    def frame(self, index: int) -> Tensor:
        """One frame."""
        if index not in self._frames:
            _make_room(self._frames)
            self._frames[index] = self.grid.frame(torch.tensor(self.sequence.frame(index)))
        return self._frames[index]

    def motion(self, reference: int, frame: int) -> Tensor:
        """Return the true motion from frame 0, or of a recording without truth the bulk motion (zero if not wanted)."""
        key = (reference, frame)
        if key not in self._motions:
            _make_room(self._motions)
            self._motions[key] = self.grid.motion(self._native_motion(reference, frame))
        return self._motions[key]

    def crop(self, frames: list[int], rows: slice, lines: slice) -> RawSequence:
        """Cut frames, the reference first; deformed crops move by whole samples with the motion, to lose little."""
        height = self.shape[1]
        crops, motions = [self.frame(frames[0])[rows, lines]], []
        for frame in frames[1:]:
            motion = self.motion(frames[0], frame)[:, rows, lines]
            offset = round(float(motion[1].median()))
            moved = torch.arange(rows.start + offset, rows.stop + offset).clamp(0, height - 1)
            crops.append(self.frame(frame)[moved, lines])
            motions.append(motion - torch.tensor([0.0, offset])[:, None, None])
        rf, motion = torch.stack(crops), torch.stack(motions)
        if self.has_truth:
            return RawSequence(rf, self.geometry, motion=motion)
        return RawSequence(rf, self.geometry, bulk=fit(motion))

    def random_crop(self, frames: list[int], shape: tuple[int, int], generator: torch.Generator) -> RawSequence:
        """Cut at a random place; a recording smaller than the crop is a ParameterError."""
        _, total_height, total_width = self.shape
        if total_height < shape[0] or total_width < shape[1]:
            raise ParameterError(
                f"{self.sequence.name}: frames of {total_height} x {total_width} on the network's grid are smaller "
                f"than crops of {shape[0]} x {shape[1]}"
            )
        row = int(torch.randint(total_height - shape[0] + 1, (), generator=generator))
        line = int(torch.randint(total_width - shape[1] + 1, (), generator=generator))
        return self.crop(frames, slice(row, row + shape[0]), slice(line, line + shape[1]))

    def _native_motion(self, reference: int, frame: int) -> Tensor:
        native = self.sequence.geometry
        if self.sequence.truth is not None:
            truth = self.sequence.truth.read_frame(frame)
            lateral = truth.lateral_displacement_m / native.pitch_m
            axial = truth.axial_displacement_m / native.axial_spacing_m
        elif not self._prealign:
            return torch.zeros(2, *self.sequence.shape[1:])
        else:
            pair = normalise(self.sequence.frame(reference), self.sequence.frame(frame), native)
            bulk = bulk_motion(pair, torch.device("cpu"))
            lateral, axial = bulk.lateral_lines, bulk.axial_samples
        return torch.as_tensor(np.stack([lateral, axial]), dtype=torch.float32)


FRAMES_KEPT = 48
"""Frames and motion fields kept in memory, each a few MB."""


def _make_room(kept: dict[T, Tensor]) -> None:
    while len(kept) >= FRAMES_KEPT:
        del kept[next(iter(kept))]
