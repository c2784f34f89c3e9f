"""The components of strain beside the axial one, under the names that they have in files."""

from collections.abc import Mapping

from engine.estimators.base import ESTIMATORS
from engine.maps.base import MapInput
from engine.types import FrameEstimate, Map

COMPONENTS: Mapping[str, str] = {
    "lateral_strain": "Lateral strain against the reference frame, elongation positive.",
    "shear_strain": "Shear strain of the tensor, half the change of a right angle.",
    "lateral_strain_sigma": "Standard deviation of the lateral strain.",
}
"""What each is; the last is there only where the uncertainty of the estimate, and its method, are known."""


def components(estimate: FrameEstimate, method: str) -> dict[str, Map]:
    """Return the other components of the strain of a frame.

    Parameters
    ----------
    estimate
        Displacement and axial strain of a frame.
    method
        Name of the method that estimated it, which says how much it errs.

    Returns
    -------
    dict of str to array
        `lateral_strain`, `shear_strain` and, where it is known, `lateral_strain_sigma`, (H, W) without a unit.
    """
    source = MapInput(estimate, method)
    found = {"lateral_strain": source.tensor.lateral, "shear_strain": source.tensor.shear}
    if estimate.sigma is not None and method in ESTIMATORS.names():
        found["lateral_strain_sigma"] = source.sigma("lateral_strain")
    return found
