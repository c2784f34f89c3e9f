"""Tissue that moves: where regions and maps that belong to one frame lie in another.

Regions are drawn on one frame, the reference of all pairs or the first one of a chain of pairs. From there points of
tissue are followed from frame to frame along the pairs, p' = p + d(p). Under such a motion, which over a region is
nearly affine, an ellipse stays one: the affine motion that fits its points best gives it back. A map is brought into
the deformed frame by the inverse of the displacement, x = y - d(x), found by iteration.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.metrics.profile import bilinear
from engine.metrics.region_pixels import to_tissue
from engine.numerics.gaps import fill_gaps
from engine.pairs import Pairing, parse_pairing
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, Map, Result

if TYPE_CHECKING:
    from torch import Tensor

SPACING_M = 0.5e-3
"""Distance of the points that are followed."""
FEWEST = 12
"""Points that tell an affine motion; around a smaller region more are taken."""
REACHES = (1.2, 2.0, 4.0, 8.0)
"""Times as large as the region is where its points are looked for, until there are enough."""
MOST_PASSES, CLOSE_PX = 20, 0.01
"""Of the iteration that inverts a displacement, in samples and lines."""

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TissuePoints:
    """The same points of tissue (N, 2), lateral and depth in metres, where regions are drawn and in a frame."""

    drawn: Values
    now: Values

    def carried(self, ellipse: Ellipse) -> Ellipse:
        """Return where an ellipse that was drawn lies in the frame; one whose tissue is not known stays.

        >>> x, z = np.meshgrid(np.linspace(-5e-3, 5e-3, 21), np.linspace(0, 20e-3, 41))
        >>> still = np.stack([x.ravel(), z.ravel()], axis=1)
        >>> moved = TissuePoints(still, still * [1.0, 0.9]).carried(Ellipse(0.0, 10e-3, 2e-3, 2e-3))
        >>> round(1e3 * moved.depth_m, 6), round(1e3 * moved.semi_axial_m, 6)
        (9.0, 1.8)
        """
        return _moved(ellipse, self.drawn, self.now)

    def brought_back(self, ellipse: Ellipse) -> Ellipse:
        """Return where an ellipse that lies so in the frame is drawn."""
        return _moved(ellipse, self.now, self.drawn)


@dataclass(frozen=True, eq=False)
class Tissue:
    """Follows tissue through the frames of a recording; `references` says which frame each is compared with.

    Regions are drawn on the frame `home`. What was followed once is kept, but for first estimates.
    """

    read: Callable[[int], FrameEstimate]
    references: Mapping[int, int]
    home: int
    shape: tuple[int, int]
    geometry: Geometry
    kept: dict[int, Values] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Result) -> Self:
        """Follow the tissue of a result along its pairs."""
        preparation: Any = result.provenance.parameters.get("preparation", {})
        pairs, frames = parse_pairing(str(preparation.get("pairing", "fixed"))), result.deformed_frames
        references = pairs.references(frames, result.reference_frame)
        home = home_of(pairs, frames, result.reference_frame)
        return cls(result.frame, references, home, (result.shape[1], result.shape[2]), result.geometry)

    def in_frame(self, frame: int) -> TissuePoints | None:
        """Return the points in a frame, or None where no chain of pairs leads there from home."""
        chain = [frame]
        while chain[-1] != self.home and chain[-1] not in self.kept:
            reference = self.references.get(chain[-1])
            if reference is None or reference in chain:
                return None
            chain.append(reference)
        start = chain.pop()
        now, keep = self._points if start == self.home else self.kept[start], True
        for step in reversed(chain):
            estimate = self.read(step)
            now = _moved_points(now, estimate.displacement)
            keep = keep and not estimate.provisional
            if keep:
                self.kept[step] = now
        return TissuePoints(self._tissue(self._points), self._tissue(now))

    def under(self, frame: int) -> TissuePoints | None:
        """Return the points on the grid of a frame's strain, which is that of its reference."""
        return self.in_frame(self.references[frame]) if frame in self.references else None

    @cached_property
    def _points(self) -> Values:
        """Rows and lines (N, 2) of the points at home, fractional."""
        steps = (SPACING_M / self.geometry.axial_spacing_m, SPACING_M / self.geometry.pitch_m)
        rows, lines = (np.arange(0, size, max(step, 1.0)) for size, step in zip(self.shape, steps, strict=True))
        return np.stack(np.meshgrid(rows, lines, indexing="ij"), axis=-1).reshape(-1, 2)

    def _tissue(self, points: Values) -> Values:
        return np.stack(to_tissue(points[:, 0], points[:, 1], self.shape, self.geometry), axis=1)


@dataclass(frozen=True, eq=False)
class DeformedShape:
    """A frame's displacement, by which maps on its reference's grid are brought to where the tissue is in the frame."""

    displacement: Displacement

    def shown(self, values: Map) -> Map:
        """Return a map (H, W) in deformed shape; NaN where no tissue of it has come.

        >>> geometry = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
        >>> down = np.full((40, 8), 2 * geometry.axial_spacing_m, np.float32)
        >>> rows = np.tile(np.arange(40.0, dtype=np.float32)[:, None], (1, 8))
        >>> shape = DeformedShape(Displacement(down, 0 * down, geometry))
        >>> shape.shown(rows)[[1, 2, 20], 4].tolist()
        [nan, 0.0, 18.0]
        """
        import torch

        from engine.numerics.warp import inside, warp

        image = torch.from_numpy(values.copy())[None, None]  # what is kept of frames may not be written to
        moved: Map = warp(image, self._back, "bilinear")[0, 0].numpy()
        return np.where(inside(self._back, margin=0.5)[0, 0].numpy(), moved, np.float32(np.nan))

    @cached_property
    def _back(self) -> "Tensor":
        """Motion from each pixel of the frame to the place on the reference's grid that has come there."""
        import torch

        from engine.numerics.warp import motion_from_numpy, warp

        axial, lateral = (fill_gaps(entry) for entry in _motion(self.displacement))
        motion = motion_from_numpy(axial, lateral, torch.device("cpu"))
        back = -motion
        for _ in range(MOST_PASSES):
            before, back = back, -warp(motion, back, "bilinear")
            if float((back - before).abs().max()) < CLOSE_PX:
                break
        return back


def home_of(pairs: Pairing, frames: Iterable[int], fixed: int) -> int:
    """Return the frame on which regions are drawn: the one reference, or the first one of all the frames."""
    return fixed if pairs.one_reference else min(pairs.references(frames, fixed).values(), default=fixed)


Regions = tuple[Ellipse | None, Ellipse | None, Ellipse | None]
"""Target, background and lesion."""


def carried(regions: Regions, points: TissuePoints | None) -> Regions:
    """Move regions to where their tissue is; without points they stay."""
    if points is None:
        return regions
    target, background, lesion = (ellipse and points.carried(ellipse) for ellipse in regions)
    return target, background, lesion


def _motion(displacement: Displacement) -> tuple[Map, Map]:
    return displacement.axial_samples, displacement.lateral_lines


def _moved_points(points: Values, displacement: Displacement) -> Values:
    """Move points (N, 2), rows and lines; NaN where there is no estimate, and for good."""
    row, line = np.nan_to_num(points, nan=-1.0).T  # beyond the frame
    down, across = (bilinear(entry, row, line) for entry in _motion(displacement))
    return points + np.stack([down, across], axis=1)


def _moved(ellipse: Ellipse, start: Values, end: Values) -> Ellipse:
    """Move an ellipse by the affine motion that fits that of its points best."""
    known = np.isfinite(start).all(axis=1) & np.isfinite(end).all(axis=1)
    start, end = start[known], end[known]
    for reach in REACHES:
        around = Ellipse(
            ellipse.lateral_m,
            ellipse.depth_m,
            reach * ellipse.semi_lateral_m,
            reach * ellipse.semi_axial_m,
            ellipse.angle_deg,
        )
        inside = around.contains(start[:, 0], start[:, 1])
        if inside.sum() >= FEWEST:
            break
    else:
        return ellipse
    centre = np.array([ellipse.lateral_m, ellipse.depth_m])
    from_centre = np.column_stack([start[inside] - centre, np.ones(inside.sum())])
    fitted = np.linalg.lstsq(from_centre, end[inside], rcond=None)[0]
    turn = np.radians(ellipse.angle_deg)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    directions, (longer, shorter), _ = np.linalg.svd(
        fitted[:2].T @ axes @ np.diag([ellipse.semi_lateral_m, ellipse.semi_axial_m])
    )
    angle = float(np.degrees(np.arctan2(directions[1, 0], directions[0, 0])))
    apart = (angle - ellipse.angle_deg + 90) % 180 - 90
    if abs(apart) > 45:  # the longer one is the axial semi-axis
        apart, longer, shorter = (apart + 180) % 180 - 90, shorter, longer
    lateral_m, depth_m = fitted[2]
    return Ellipse(float(lateral_m), float(depth_m), float(longer), float(shorter), ellipse.angle_deg + float(apart))
