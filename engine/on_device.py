"""Pairs and their motion as tensors of one device: what the stages hand on while nothing needs to leave it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.types import Displacement, FramePair, Geometry

Array = NDArray[Any]


@dataclass(frozen=True)
class PairBatch:
    """Pairs of one recording: `deformed` (B, H, W) and `reference`, (1, H, W) where they share it, else (B, H, W).

    `initial` is the motion (B, 2, H, W) from which an estimator starts, None where it starts from none.
    """

    reference: Tensor
    deformed: Tensor
    geometry: Geometry
    initial: Tensor | None = None

    @classmethod
    def of(cls, pairs: Sequence[FramePair], device: torch.device) -> Self:
        """Take pairs of one size and geometry to a device; they share a reference where it is the same array."""
        one = all(pair.reference is pairs[0].reference for pair in pairs)
        reference, deformed = (
            torch.from_numpy(np.stack(frames)).to(device)
            for frames in (
                [pair.reference for pair in (pairs[:1] if one else pairs)],
                [pair.deformed for pair in pairs],
            )
        )
        starts = [pair.initial for pair in pairs]
        initial = None
        if any(start is not None for start in starts):
            still = torch.zeros(2, *deformed.shape[1:], device=device)
            initial = torch.stack([still if start is None else _motion(start, device) for start in starts])
        return cls(reference, deformed, pairs[0].geometry, initial)

    @property
    def frames(self) -> tuple[Tensor, Tensor]:
        """References and deformed frames."""
        return self.reference, self.deformed

    def pairs(self) -> list[FramePair]:
        """Take the pairs to the host, each with its initial motion."""
        starts: list[Displacement | None] = [None] * len(self.deformed)
        if self.initial is not None:
            starts = [*MotionBatch(self.initial).displacements(self.geometry)]
        references = self.reference.expand_as(self.deformed).cpu().numpy()
        frames = zip(references, self.deformed.cpu().numpy(), starts, strict=True)
        return [FramePair(reference, deformed, self.geometry, start) for reference, deformed, start in frames]

    @property
    def start(self) -> Tensor:
        """Initial motion (B, 2, H, W), zero where there is none."""
        if self.initial is not None:
            return self.initial
        count, height, width = self.deformed.shape
        return self.deformed.new_zeros(count, 2, height, width)


@dataclass(frozen=True)
class MotionBatch:
    """Motion (B, 2, H, W), lateral in lines and axial in samples, NaN where there is none.

    `report` holds facts (B,), NaN where a frame has none of the kind.
    """

    motion: Tensor
    report: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, displacement: Displacement, device: torch.device) -> Self:
        """Take one displacement to a device."""
        facts = {name: torch.tensor([value], device=device) for name, value in displacement.report.items()}
        return cls(_stacked(displacement, device)[None], facts)

    def displacements(self, geometry: Geometry) -> list[Displacement]:
        """Take the motion to the host."""
        fields = self.motion.cpu().numpy()
        facts = {name: values.tolist() for name, values in self.report.items()}
        return [
            Displacement.from_samples(axial, lateral, geometry, known({name: facts[name][place] for name in facts}))
            for place, (lateral, axial) in enumerate(fields)
        ]


def known(facts: Mapping[str, float]) -> dict[str, float]:
    """Leave out the facts that a frame does not have."""
    return {name: float(value) for name, value in facts.items() if not np.isnan(value)}


def _stacked(displacement: Displacement, device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack([displacement.lateral_lines, displacement.axial_samples])).to(device)


def _motion(displacement: Displacement, device: torch.device) -> Tensor:
    return torch.nan_to_num(_stacked(displacement, device), nan=0.0)


def upload(array: Array, device: torch.device) -> Tensor:
    """Take an array to a device; to CUDA without waiting for it."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class Departure:
    """Tensors on their way to the host: CUDA copies them while it computes what comes next."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = {name: tensor.to("cpu", non_blocking=True) for name, tensor in tensors.items()}
        self._event = None
        if any(tensor.is_cuda for tensor in tensors.values()):
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def arrays(self) -> dict[str, Array]:
        """Wait until they are there."""
        if self._event is not None:
            self._event.synchronize()
        return {name: tensor.numpy() for name, tensor in self._tensors.items()}
