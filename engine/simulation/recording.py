"""A whole simulated recording: a plan that says everything about it, its rendering, and the recording with truth."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.simulation.extra_motion import ExtraMotion
from engine.simulation.mechanics import Compression, UnitField, compress
from engine.simulation.phantom import Phantom
from engine.simulation.renderer import Imaging
from engine.simulation.sequences import Degradation, FrameLoad, Scene, render_scene
from engine.simulation.texture import texture
from engine.types import FrameTruth, Geometry, GeometrySources, Map, RFSequence, Truth

ELEMENT_M = 1e-3
_KNOWN = GeometrySources(*("file",) * 6)


@dataclass(frozen=True)
class Plan:
    """Everything that decides a recording besides the random places of its scatterers.

    `echo_gains` multiplies the echoes' amplitude in each inclusion; empty leaves all as bright as their surroundings.
    `texture_db` is the standard deviation of a smooth random brightness, as of fat and gland, with grains of some
    3 mm; `texture_seed` decides it. `extra_motion` is added to the motion of every frame.
    """

    phantom: Phantom
    geometry: Geometry
    shape: tuple[int, int]
    loads: tuple[FrameLoad, ...]
    compression: Compression = field(default_factory=Compression)
    imaging: Imaging = field(default_factory=Imaging)
    degradation: Degradation = field(default_factory=Degradation)
    scatterers_per_cell: float = 12.0
    echo_gains: tuple[float, ...] = ()
    texture_db: float = 0.0
    texture_seed: int = 0
    extra_motion: tuple[ExtraMotion, ...] = ()

    def echogenicity(self, laterals_m: NDArray[np.float64], depths_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Amplitude of the echoes at N points."""
        gains = np.array([1.0, *(self.echo_gains or (1.0,) * len(self.phantom.inclusions))])
        amplitude = gains[self.phantom.labels(laterals_m, depths_m)]
        if self.texture_db:
            brightness_db = self.texture_db * texture(self.texture_seed, laterals_m, depths_m)
            amplitude = amplitude * 10 ** (brightness_db / 20)
        for extra in self.extra_motion:
            amplitude = amplitude * extra.echo_gain_at(laterals_m, depths_m)
        return np.asarray(amplitude)


@dataclass(frozen=True)
class SimulatedRecording:
    """RF (T, H, W) float32 and displacement in metres (T-1, 2, H, W) of a plan."""

    plan: Plan
    rf: Tensor
    displacement_m: Tensor

    def truth(self) -> Truth:
        """Exact motion, strain, labels and modulus on the grid of frame 0."""
        height, width = self.plan.shape
        laterals_m = self.plan.geometry.laterals_m(width)[None, :]
        depths_m = self.plan.geometry.depths_m(height)[:, None]
        return Truth(
            self._frame_truth,
            self.plan.phantom.labels(laterals_m, depths_m),
            self.plan.phantom.youngs_modulus_pa(laterals_m, depths_m).astype(np.float32),
        )

    def _frame_truth(self, index: int) -> FrameTruth:
        lateral_m, axial_m = self.displacement_m[index - 1].numpy()
        strain = np.gradient(axial_m, self.plan.geometry.axial_spacing_m, axis=0)
        return FrameTruth(_single(axial_m), _single(lateral_m), _single(strain))

    def sequence(self) -> RFSequence:
        """Return the recording as the readers would."""
        rf = self.rf.numpy()
        shape = (rf.shape[0], rf.shape[1], rf.shape[2])
        geometry = replace(self.plan.geometry, sources=_KNOWN)
        return RFSequence(shape, geometry, lambda index: np.asarray(rf[index]), format="simulation", truth=self.truth())


def simulate(plan: Plan, seed: int, device: torch.device | None = None) -> SimulatedRecording:
    """Solve the mechanics of a plan and render every frame.

    On a CPU, plan and seed alone decide every bit of the result; a GPU adds in another order from run to run.

    Parameters
    ----------
    plan
        Phantom, geometry, frame shape (H, W), loads and degradation.
    seed
        Decides the scatterers and the noise.
    device
        Where to render; the CPU without one.

    Returns
    -------
    SimulatedRecording
        RF (T, H, W) and the exact displacement of every frame in metres (T-1, 2, H, W); `sequence()` is what a reader
        would give, with the truth.

    >>> plan = protocol("tehrani-rivaz").plan(number=1, seed=1)  # doctest: +SKIP
    >>> simulate(plan, seed=1).sequence().frame(0).dtype  # doctest: +SKIP
    dtype('float32')
    """
    return simulate_with(compress(plan.phantom, plan.compression, ELEMENT_M), plan, seed, device)


def simulate_with(field_m: UnitField, plan: Plan, seed: int, device: torch.device | None = None) -> SimulatedRecording:
    """Render a plan whose mechanics are solved already, for example for another draw of scatterers."""
    device = device or torch.device("cpu")
    generator = torch.Generator(device).manual_seed(seed)
    rendered = render_scene(_scene(field_m, plan), generator, device)
    return SimulatedRecording(plan, rendered.rf.cpu(), rendered.displacement_m)


def _scene(field_m: UnitField, plan: Plan) -> Scene:
    return Scene(
        plan.shape,
        plan.geometry,
        field_m.on_grid,
        plan.loads,
        plan.imaging,
        plan.degradation,
        plan.scatterers_per_cell,
        plan.echogenicity if plan.echo_gains or plan.texture_db or plan.extra_motion else None,
        plan.extra_motion,
    )


def _single(values: NDArray[np.float64]) -> Map:
    return np.ascontiguousarray(values, dtype=np.float32)
