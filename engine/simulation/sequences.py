"""A scene in motion, rendered: scatterers carried by the exact displacement of each frame, and the truth beside it.

The displacement of frame t is strain_t * U(x) plus a rigid shift, a lateral shear and a rotation. Linear elasticity
is solved on the undeformed body, and the truth lives on the grid of frame 0, so both agree by construction:
frame_t(x + d_t(x)) shows the scatterers of frame_0(x).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.simulation.extra_motion import ExtraMotion
from engine.simulation.noise import add_gaussian, add_uniform
from engine.simulation.renderer import Imaging, render
from engine.simulation.scatterers import GridField, Region, Scatterers, scatter
from engine.types import Geometry

UnitDisplacement = Callable[[NDArray[np.float64], NDArray[np.float64]], Tensor]
Echogenicity = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class FrameLoad:
    """Motion of one frame against frame 0: compressive `strain` (positive compresses) and what comes on top.

    `shear` is the lateral displacement per depth, `rotation` the axial displacement per lateral distance, both about
    the middle of the image.
    """

    strain: float
    axial_shift_m: float = 0.0
    lateral_shift_m: float = 0.0
    shear: float = 0.0
    rotation: float = 0.0


@dataclass(frozen=True)
class Degradation:
    """What makes frames differ apart from motion; each frame draws its own.

    `snr_db` is the wide-band ratio of rms amplitudes with white Gaussian noise, `psnr_db` the one of peak to uniform
    noise; `correlation` and `exchanged` decorrelate the deformed frames from frame 0; `gains` multiplies each
    deformed frame.
    """

    snr_db: float = math.inf
    psnr_db: float = math.inf
    correlation: float = 1.0
    exchanged: float = 0.0
    gains: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scene:
    """All that decides a sequence besides the random places of its scatterers.

    `unit_displacement(depths_m, laterals_m)` is U on a grid, (2, rows, columns) in metres per unit of strain;
    `echogenicity(laterals_m, depths_m)` multiplies the amplitude of scatterers at N points.
    """

    shape: tuple[int, int]
    geometry: Geometry
    unit_displacement: UnitDisplacement
    loads: tuple[FrameLoad, ...]
    imaging: Imaging = field(default_factory=Imaging)
    degradation: Degradation = field(default_factory=Degradation)
    scatterers_per_cell: float = 12.0
    echogenicity: Echogenicity | None = None
    extra_motion: tuple[ExtraMotion, ...] = ()


@dataclass(frozen=True)
class RenderedScene:
    """RF (T, H, W) float32 and displacement in metres (T-1, 2, H, W) float64 on the grid of frame 0."""

    rf: Tensor
    displacement_m: Tensor


def render_scene(scene: Scene, generator: torch.Generator, device: torch.device) -> RenderedScene:
    """Render frame 0 and one frame for each load."""
    margins = _margins(scene)
    fields_m = _displacements(scene, margins)
    tissue = _tissue(scene, margins, generator, device)
    degradation = scene.degradation
    frames = [render(tissue, scene.shape, scene.geometry, scene.imaging)]
    for number, field_m in enumerate(fields_m):
        grid = _grid_field(scene, margins, field_m.to(device=device, dtype=torch.float32))
        seen = tissue.decorrelated(degradation.correlation, generator).exchanged(degradation.exchanged, generator)
        frame = render(seen.moved(grid), scene.shape, scene.geometry, scene.imaging)
        frames.append(frame * degradation.gains[number] if degradation.gains else frame)
    rf = torch.stack(frames)
    if math.isfinite(degradation.snr_db):
        rf = add_gaussian(rf, degradation.snr_db, generator, float(rf[0].square().mean().sqrt()))
    if math.isfinite(degradation.psnr_db):
        rf = add_uniform(rf, degradation.psnr_db, generator, float(rf[0].abs().max()))
    height, width = scene.shape
    inside = fields_m[:, :, margins.top : margins.top + height, margins.side : margins.side + width]
    return RenderedScene(rf, inside)


@dataclass(frozen=True)
class _Margins:
    """Rows and lines by which the tissue reaches beyond the image."""

    top: int
    bottom: int
    side: int


def _margins(scene: Scene) -> _Margins:
    """Cover every scatterer that any frame shows; the motion's extent is found on a coarse grid."""
    height, width = scene.shape
    geometry = scene.geometry
    depths_m = geometry.depths_m(height)[:: max(1, height // 12)]
    laterals_m = geometry.laterals_m(width)[:: max(1, width // 8)]
    coarse = _total(scene, scene.unit_displacement(depths_m, laterals_m), depths_m, laterals_m)
    pulse_m, beam_m = scene.imaging.margins_m(float(depths_m[-1]), geometry)
    upwards_m = 1.1 * max(0.0, -float(coarse[:, 1].min()))
    downwards_m = 1.1 * max(0.0, float(coarse[:, 1].max()))
    sideways_m = 1.1 * float(coarse[:, 0].abs().max())
    return _Margins(
        top=math.ceil((pulse_m + downwards_m) / geometry.axial_spacing_m) + 2,
        bottom=math.ceil((pulse_m + upwards_m) / geometry.axial_spacing_m) + 2,
        side=math.ceil((beam_m + sideways_m) / geometry.pitch_m) + 1,
    )


def _displacements(scene: Scene, margins: _Margins) -> Tensor:
    """Displacement of every deformed frame on the grid with margins, (T-1, 2, rows, columns) float64."""
    depths_m, laterals_m = _axes_m(scene, margins)
    return _total(scene, scene.unit_displacement(depths_m, laterals_m), depths_m, laterals_m)


def _axes_m(scene: Scene, margins: _Margins) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, width = scene.shape
    geometry = scene.geometry
    rows = np.arange(-margins.top, height + margins.bottom, dtype=np.float64)
    lines = np.arange(-margins.side, width + margins.side, dtype=np.float64)
    return (
        np.asarray(geometry.start_depth_m + rows * geometry.axial_spacing_m),
        np.asarray((lines - (width - 1) / 2) * geometry.pitch_m),
    )


def _total(scene: Scene, unit: Tensor, depths_m: NDArray[np.float64], laterals_m: NDArray[np.float64]) -> Tensor:
    height = scene.shape[0]
    middle_m = scene.geometry.start_depth_m + (height - 1) / 2 * scene.geometry.axial_spacing_m
    depth = torch.as_tensor(depths_m - middle_m)[:, None]
    lateral = torch.as_tensor(laterals_m)[None, :]
    frames = []
    for number, load in enumerate(scene.loads):
        total = unit * load.strain
        total[0] += load.lateral_shift_m + load.shear * depth
        total[1] += load.axial_shift_m + load.rotation * lateral
        for extra in scene.extra_motion:
            total = total + extra.displacement_m(number, depths_m, laterals_m)
        frames.append(total)
    return torch.stack(frames)


def _grid_field(scene: Scene, margins: _Margins, values_m: Tensor) -> GridField:
    depths_m, laterals_m = _axes_m(scene, margins)
    return GridField(
        values_m, float(depths_m[0]), float(laterals_m[0]), scene.geometry.axial_spacing_m, scene.geometry.pitch_m
    )


def _tissue(scene: Scene, margins: _Margins, generator: torch.Generator, device: torch.device) -> Scatterers:
    depths_m, laterals_m = _axes_m(scene, margins)
    region = Region(float(depths_m[0]), float(depths_m[-1]), float(laterals_m[0]), float(laterals_m[-1]))
    cell_m2 = scene.imaging.resolution_cell_m2(scene.geometry.start_depth_m, scene.geometry)
    tissue = scatter(region, scene.scatterers_per_cell / cell_m2, generator, device)
    if scene.echogenicity is None:
        return tissue
    factor = scene.echogenicity(tissue.lateral_m.cpu().numpy(), tissue.depth_m.cpu().numpy())
    amplitude = tissue.amplitude * torch.as_tensor(factor, dtype=torch.float32, device=device)
    return Scatterers(tissue.depth_m, tissue.lateral_m, amplitude)
