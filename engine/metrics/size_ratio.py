"""E/B size ratio: how large a lesion is in the strain map (E, elastogram) against its size on the B-mode (B).

In the breast, cancers tend to look larger in the strain map than on B-mode and benign lesions smaller, hence the ratio
(Garra et al., Radiology 202:79, 1997). Papers take the ratio of areas, or of the largest diameters, and the latter is
the E/B ratio of Barr et al. (J Ultrasound Med 31:281, 2012), with 1 between benign and malignant; both are given here.
"""

import math

from engine.metrics.base import Measurement
from engine.types import Ellipse


def size_ratios(target: Ellipse | None, lesion: Ellipse | None) -> dict[str, Measurement]:
    """Ratios of the target, outlined on the strain map, to the same lesion's own outline on the B-mode.

    `eb_area_ratio` compares the areas, `eb_diameter_ratio` the largest diameters of the two ellipses, whole, whether
    or not they reach beyond the image.

    >>> size_ratios(Ellipse(0, 0.02, 6e-3, 5e-3), Ellipse(0, 0.02, 5e-3, 4e-3))["eb_area_ratio"].value
    1.5
    """
    reason = "not_drawn" if target is None else "no_outline" if lesion is None else ""
    if target is None or lesion is None:
        return {name: Measurement(name, math.nan, reason=reason) for name in ("eb_area_ratio", "eb_diameter_ratio")}
    diameter = longest_diameter_m(target) / longest_diameter_m(lesion)
    return {
        "eb_area_ratio": Measurement("eb_area_ratio", target.area_m2 / lesion.area_m2),
        "eb_diameter_ratio": Measurement("eb_diameter_ratio", diameter),
    }


def longest_diameter_m(ellipse: Ellipse) -> float:
    """Length of an ellipse's longer axis."""
    return 2 * max(ellipse.semi_lateral_m, ellipse.semi_axial_m)
