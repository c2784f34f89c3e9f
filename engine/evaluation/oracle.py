"""The oracle: the true displacement through the same strain filter, the best that tracking could do."""

from typing import TYPE_CHECKING

from engine.pipeline import Settings
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, FrameEstimate, Geometry, Truth

if TYPE_CHECKING:
    import torch


def oracle_estimate(
    truth: Truth, geometry: Geometry, frame: int, settings: Settings, device: "torch.device"
) -> FrameEstimate:
    """Return the true displacement from frame 0 to `frame`, the strain the settings' filter makes of it, quality 1."""
    strain_method = STRAIN_METHODS.get(settings.strain_method)
    parameters = settings.strain_parameters or strain_method.Params()
    true = truth.read_frame(frame)
    displacement = Displacement(true.axial_displacement_m, true.lateral_displacement_m, geometry)
    strain = strain_method.strain(displacement, None, parameters, device)
    return FrameEstimate(0, frame, displacement, strain, true.axial_displacement_m * 0 + 1)
