"""E/B size ratio: how large a lesion is in the strain map (E, elastogram) against its size on the B-mode (B).

In the breast, cancers tend to look larger in the strain map than on B-mode and benign lesions smaller, hence the ratio
(Garra et al., Radiology 202:79, 1997). Papers take the ratio of areas, or of the largest diameters, and the latter is
the E/B ratio of Barr et al. (J Ultrasound Med 31:281, 2012), with 1 between benign and malignant; both are given here.
The target is the outline on the strain map, the lesion that on the B-mode; both count whole, whether or not they reach
beyond the image.
"""

from engine.metrics.base import Finding, Metric, MetricInput, given, register
from engine.types import Ellipse


def area_ratio(source: MetricInput) -> Finding:
    """Area of the target over that of the lesion.

    >>> from engine.types import Geometry
    >>> geometry = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> both = MetricInput(geometry, target=Ellipse(0, 0.02, 6e-3, 5e-3), lesion=Ellipse(0, 0.02, 5e-3, 4e-3))
    >>> area_ratio(both).value
    1.5
    """
    return Finding(given(source.target).area_m2 / given(source.lesion).area_m2)


def diameter_ratio(source: MetricInput) -> Finding:
    """Largest diameter of the target over that of the lesion."""
    return Finding(longest_diameter_m(given(source.target)) / longest_diameter_m(given(source.lesion)))


def longest_diameter_m(ellipse: Ellipse) -> float:
    """Length of an ellipse's longer axis."""
    return 2 * max(ellipse.semi_lateral_m, ellipse.semi_axial_m)


register(
    Metric(
        "eb_area_ratio",
        "E/B size ratio",
        "E/B size ratio, areas",
        "Area of the target, outlined in the strain map, over that of the same lesion outlined on the B-mode",
        area_ratio,
        ("target", "lesion"),
        places=frozenset({"panel", "figure"}),
        order=500,
    )
)
register(
    Metric(
        "eb_diameter_ratio",
        "E/B diameters",
        "E/B size ratio, largest diameters",
        "Largest diameter of the target, outlined in the strain map, over that of the lesion outlined on the B-mode",
        diameter_ratio,
        ("target", "lesion"),
        places=frozenset(),
        order=510,
    )
)
