"""The training loss: a weighted sum of unsupervised and supervised terms; terms of weight 0 are not computed.

The defaults are those of Joarder et al. 2025, equation 11: 1.0 similarity + 0.2 consistency + 0.3 smoothness.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from engine.losses.consistency import consistency_loss
from engine.losses.endpoint import STRAIN_SCALE, TALL_STRAIN_SCALE, endpoint_loss, strain_loss
from engine.losses.similarity import similarity_loss
from engine.losses.smoothness import smoothness_loss
from engine.numerics.running_sum import running_sum
from engine.numerics.slope import strain_kernel
from engine.numerics.warp import inside, warp
from engine.parameters import Parameters, parameter


@dataclass(frozen=True)
class LossSettings(Parameters):
    """Weights and windows of the terms; windows in samples and lines of the training grid."""

    similarity: float = parameter(1.0, minimum=0.0, help="Weight of the similarity of RF frames")
    consistency: float = parameter(0.2, minimum=0.0, help="Weight of the agreement of successive strain maps")
    smoothness: float = parameter(0.3, minimum=0.0, help="Weight of second differences of the motion")
    endpoint: float = parameter(0.0, minimum=0.0, help="Weight of the distance to the true motion (supervised)")
    lateral: float = parameter(1.0, minimum=0.0, help="Share of the lateral direction in the end-point distance")
    strain: float = parameter(0.0, minimum=0.0, help="Weight of the distance to the true strain (supervised)")
    tall_strain: float = parameter(0.0, minimum=0.0, help="Weight of the distance to true strain over a tall window")
    similarity_rows: int = parameter(9, unit="samples", minimum=2, help="Height of a similarity patch")
    similarity_lines: int = parameter(9, unit="lines", minimum=1, help="Width of a similarity patch")
    strain_window: int = parameter(105, unit="samples", minimum=5, help="Least-squares window of strain in the loss")
    tall_window: int = parameter(287, unit="samples", minimum=5, help="Least-squares window of the tall strain")
    half_weight_strain: float = parameter(
        0.0, minimum=0.0, help="Applied strain at which a frame's supervised error weighs half; 0: all frames alike"
    )
    consistency_lines: int = parameter(8, unit="lines", minimum=1, help="Width of a consistency patch")
    compensate_strain: bool = parameter(
        False, help="Sample strain maps at their own motion before they are compared, as the public ReUSENet does"
    )

    @property
    def supervised(self) -> bool:
        """Whether the true motion takes part."""
        return self.endpoint > 0 or self.strain > 0 or self.tall_strain > 0

    @property
    def least_rows(self) -> int:
        """Rows that the longest strain window in use needs."""
        used = [self.strain_window] * (self.consistency > 0 or self.strain > 0) + [self.tall_window] * (
            self.tall_strain > 0
        )
        return max((2 * (window // 2) + 1 for window in used), default=1)


@dataclass(frozen=True)
class Losses:
    """The sum to minimise and its unweighted terms by name, all scalars."""

    total: Tensor
    terms: dict[str, Tensor]


def training_loss(
    settings: LossSettings,
    motion: Tensor,
    reference: Tensor,
    deformed: Tensor,
    truth: Tensor | None = None,
    valid: Tensor | None = None,
    applied_strain: Tensor | None = None,
) -> Losses:
    """Compare one batch of motion with what is known.

    `motion` (B, T, 2, H, W) in lines and samples, `reference` (B, 1, H, W), `deformed` (B, T, 1, H, W); `truth` has
    the shape of `motion` and is needed by the supervised terms; `valid` (B, T, 1, H, W) bool marks the pixels whose
    motion can be known; `applied_strain` (B, T) is needed to weigh frames by it. Pixels that `motion` carries out of
    the frame do not count for similarity.
    """
    frames = motion.shape[1]
    flat = motion.flatten(0, 1)
    flat_valid = torch.ones_like(flat[:, :1], dtype=torch.bool) if valid is None else valid.flatten(0, 1)
    terms: dict[str, Tensor] = {}
    if settings.similarity > 0:
        still = reference[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
        window = (settings.similarity_rows, settings.similarity_lines)
        seen = flat_valid & inside(flat.detach())
        terms["similarity"] = similarity_loss(warp(deformed.flatten(0, 1), flat), still, window, seen)
    if settings.smoothness > 0:
        terms["smoothness"] = smoothness_loss(flat)
    if settings.consistency > 0:
        terms["consistency"] = _consistency(settings, motion, valid)
    if settings.supervised:
        if truth is None:
            raise ValueError("a supervised loss needs the true motion")
        weight = _frame_weight(settings, flat, applied_strain)
        _add_supervised(terms, settings, flat, truth.flatten(0, 1), flat_valid, weight)
    total = torch.stack([getattr(settings, name) * value for name, value in terms.items()]).sum()
    return Losses(total, {name: value.detach() for name, value in terms.items()})


def inner_strain(motion: Tensor, window: int) -> Tensor:
    """Axial strain (N, 1, H - window + 1, W) of a motion field (N, 2, H, W), only where the whole window fits.

    Least-squares slope over an odd window, as one product with a banded matrix: many times faster than a convolution
    for the sizes of training crops.
    """
    return _slopes(motion.shape[-2], window // 2, motion.dtype, motion.device) @ motion[:, 1:2]


def inner_valid(valid: Tensor, window: int) -> Tensor:
    """Rows of `inner_strain` whose whole window is valid, (N, 1, H - window + 1, W) bool."""
    half = window // 2
    missing = running_sum((~valid).to(torch.float32), 2 * half + 1, -2)
    return missing[..., half : valid.shape[-2] - half, :] < 0.5


@lru_cache(maxsize=16)
def _slopes(height: int, half: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Matrix (H - 2 half, H) that takes slopes over windows of 2 half + 1 rows."""
    if height <= 2 * half:
        raise ValueError(f"a window of {2 * half + 1} rows does not fit into {height}")
    row = torch.arange(height - 2 * half)[:, None]
    matrix = torch.zeros(height - 2 * half, height, dtype=torch.float64)
    matrix[row, row + torch.arange(2 * half + 1)] = torch.from_numpy(strain_kernel(2 * half + 1))
    return matrix.to(device=device, dtype=dtype)


def _consistency(settings: LossSettings, motion: Tensor, valid: Tensor | None) -> Tensor:
    batch, frames = motion.shape[:2]
    flat, window = motion.flatten(0, 1), settings.strain_window
    half = window // 2
    strain = inner_strain(flat, window)
    strain = strain.reshape(batch, frames, *strain.shape[1:])
    seen = None if valid is None else inner_valid(valid.flatten(0, 1), window).reshape(strain.shape)
    moved = motion[..., half : motion.shape[-2] - half, :] if settings.compensate_strain else None
    return consistency_loss(strain, (max(half, 2), settings.consistency_lines), seen, moved)


def _frame_weight(settings: LossSettings, motion: Tensor, applied_strain: Tensor | None) -> Tensor:
    """Weights (N, 1, 1, 1) of the frames: SNR and CNR are relative, so the same error counts more at less strain."""
    if not settings.half_weight_strain:
        return torch.ones_like(motion[:, :1, :1, :1])
    if applied_strain is None:
        raise ValueError("frames cannot be weighed by a strain that is not given")
    share = applied_strain.abs().flatten() / settings.half_weight_strain
    return (1 / (1 + share)).to(motion)[:, None, None, None]


def _add_supervised(
    terms: dict[str, Tensor], settings: LossSettings, motion: Tensor, truth: Tensor, valid: Tensor, weight: Tensor
) -> None:
    if settings.endpoint > 0:
        terms["endpoint"] = endpoint_loss(motion, truth, valid * weight, settings.lateral)
    windows = {
        "strain": (settings.strain_window, STRAIN_SCALE),
        "tall_strain": (settings.tall_window, TALL_STRAIN_SCALE),
    }
    for name, (window, scale) in windows.items():
        if getattr(settings, name) > 0:
            found, true = inner_strain(motion, window), inner_strain(truth, window)
            terms[name] = strain_loss(found, true, inner_valid(valid, window) * weight, scale)
