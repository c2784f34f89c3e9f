"""The oracle: the true displacement through the same strain filter, the best that tracking could do."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from engine.device import choose_device
from engine.errors import ParameterError
from engine.frames import frame_words
from engine.pipeline import Settings
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, FrameEstimate, Geometry, Result, Truth

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


def true_motion(result: Result, truth: Truth) -> Callable[[FrameEstimate], FrameEstimate]:
    """Return what gives the true motion of a result's frames through the strain filter that the result was made with.

    The truth is known from frame 0: that of an estimate with another reference is a ParameterError.
    """
    made = result.provenance.parameters
    name = str(made.get("strain_method", Settings("").strain_method))
    parameters = STRAIN_METHODS.get(name).Params(**cast("dict[str, Any]", made.get("strain", {})))
    settings = Settings(result.provenance.method, strain_method=name, strain_parameters=parameters)

    def read(estimate: FrameEstimate) -> FrameEstimate:
        if estimate.reference_frame != 0:
            words = frame_words(estimate.deformed_frame, estimate.reference_frame)
            raise ParameterError(f"the truth is known from frame 0, and {words} was estimated")
        return oracle_estimate(truth, result.geometry, estimate.deformed_frame, settings, choose_device("cpu"))

    return read
