"""The open recording, and what is shown of one of its frames."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.state.image_grid import ImageGrid
from app.state.regions import Regions
from app.state.runs import FrameMeasurements, Stage
from engine.following import DeformedShape, TissuePoints, carried
from engine.reliability.frame import FrameReliability
from engine.types import Map, RFSequence


@dataclass(frozen=True)
class OpenRecording:
    """An open recording; `number` tells one opening from the next, `key` tells one file from another."""

    number: int
    sequence: RFSequence
    key: str = ""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.sequence.shape[0]

    @cached_property
    def grid(self) -> ImageGrid:
        """Where the pixels of the shown images lie."""
        return ImageGrid(self.sequence.geometry, self.sequence.shape[1:])


@dataclass(frozen=True)
class Followed:
    """Tissue of a frame: `under` the strain, on its own grid, and `there`, in the frame; None where it is not known."""

    home: int
    under: TissuePoints | None
    there: TissuePoints | None


def moved(regions: Regions, points: TissuePoints | None) -> Regions:
    """Return regions where their tissue is; without points they stay."""
    return Regions(*carried((regions.target, regions.background, regions.lesion), points))


def averaged_words(frames: int) -> str:
    """Say over how many frames a map is averaged, if over more than one."""
    return f"averaged over {frames} frames" if frames > 1 else ""


@dataclass(frozen=True)
class Picture:
    """Everything that is shown of one frame, prepared together, so that nothing on screen can disagree.

    `bmode` is stored as `app.state.raster` says. Strain and quality, on the recording's grid (H, W), are None where the
    frame has no estimate; `shown_strain` and `shown_quality` are the same on the grid of the screen, as `bmode` is.
    """

    recording: int
    frame: int
    bmode_frame: int
    bmode: NDArray[np.uint8]
    run: int | None = None
    reference_frame: int | None = None
    window_m: float = 0.0
    strain: Map | None = None
    quality: Map | None = None
    sigma: Map | None = None
    """Standard deviation of the strain where it is known, which it is not of an average."""
    shown_strain: Map | None = None
    shown_quality: Map | None = None
    range: tuple[float, float] | None = None
    """Stored strain that 96 % of the map lie between, or None where there is no valid pixel."""
    averaged: tuple[int, ...] = ()
    """The frames that strain and quality are averaged over, the shown one last; that one alone without persistence."""
    persistence: int = 1
    """How many frames were to be averaged when this was prepared."""
    mean_strain: float = float("nan")
    """What relative strain is relative to; NaN where the frame was hardly compressed."""
    reliability: FrameReliability | None = None
    """How far the frame can be trusted; None without an estimate."""
    stage: Stage = ""
    measured: FrameMeasurements | None = None
    measured_regions: Regions | None = None
    """The metrics, and the regions they are of: they hold only while these are the regions shown."""
    measured_above: float = 0.0
    """The quality from which on pixels were measured; 0 for all."""
    shape: DeformedShape | None = None
    """The shape in which maps are shown, where that is not the reference's."""
    tissue: Followed | None = None
    """Where regions follow the tissue, its points."""

    def under(self, regions: Regions) -> Regions:
        """Return the regions on the strain's own grid, where they are measured."""
        return moved(regions, self.tissue.under if self.tissue else None)

    def on_map(self, regions: Regions) -> Regions:
        """Return the regions on the map that is shown."""
        return moved(regions, self.points(bmode=False))

    def on_bmode(self, regions: Regions) -> Regions:
        """Return the regions on the B-mode that is shown."""
        return moved(regions, self.points(bmode=True))

    def points(self, *, bmode: bool) -> TissuePoints | None:
        """Return the tissue on the B-mode or on the map that is shown; None where regions do not follow it."""
        if self.tissue is None:
            return None
        deformed = self.bmode_frame == self.frame if bmode else self.shape is not None
        return self.tissue.there if deformed else self.tissue.under
