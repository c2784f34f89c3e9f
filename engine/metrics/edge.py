"""Width of a lesion's edge in a strain map: the price of smoothing, beside which any SNR should be read."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import erf

from engine.metrics.base import Finding, Measurement, Metric, MetricInput, given, register
from engine.types import Ellipse, Geometry, Map

Direction = Literal["all", "axial", "lateral"]

TEN_TO_NINETY = math.sqrt(2) * 1.2815515655446004
"""10-90 % distance of erf(x / w) over w: twice the 90 % quantile of a normal distribution of deviation w / sqrt(2)."""
SECTOR_DEG = 30.0
BINS = 60
SMALLEST_BIN = 3
LARGEST_MISFIT = 0.5
"""Share of the profile's variance that the fit may leave; a profile without an edge leaves nearly all of it."""
MILLI = 1e3

Values = NDArray[np.float64]


def edge_width(strain: Map, geometry: Geometry, lesion: Ellipse, *, direction: Direction = "all") -> Measurement:
    """10-90 % width, in mm, of the edge of a lesion outlined by an ellipse, in a strain map (H, W).

    Strain is gathered by its distance from the outline, measured along the ray from the centre, from half way to the
    centre to as far outside; a + b erf((x - x0) / w) is fitted to it. `direction` keeps the rays within 30 degrees of
    one axis: an axial strain window blurs axially, a wide beam laterally. The outline need not be exact: x0 is free.

    Parameters
    ----------
    strain
        Map (H, W), negative in compression.
    geometry
        Places its pixels.
    lesion
        Outline in metres.
    direction
        `all`, `axial` or `lateral`.

    Returns
    -------
    Measurement
        In mm; without an edge, or with too few pixels, NaN with the reason.

    >>> geometry = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> lesion = Ellipse(0.0, 10e-3, 4e-3, 4e-3)
    >>> inside = lesion.mask((1000, 80), geometry)
    >>> sharp = np.where(inside, -0.01, -0.02).astype(np.float32)
    >>> edge_width(sharp, geometry, lesion).value < 0.5
    True
    """
    distance, compressive = _gather(strain, geometry, lesion, direction)
    centres, profile = _profile(distance, compressive)
    if centres.size < BINS // 3:
        return Measurement("edge_width", math.nan, "mm", count=distance.size, reason="too_few")
    reach = float(np.ptp(centres))
    width = _fit(centres, profile, reach)
    if width is None:
        return Measurement("edge_width", math.nan, "mm", count=distance.size, reason="no_edge")
    return Measurement("edge_width", MILLI * width, "mm", count=distance.size)


def _gather(strain: Map, geometry: Geometry, lesion: Ellipse, direction: Direction) -> tuple[Values, Values]:
    """Signed distance from the outline in metres (negative inside) and compressive strain of the pixels around it."""
    x = geometry.laterals_m(strain.shape[1])[None, :] - lesion.lateral_m
    z = geometry.depths_m(strain.shape[0])[:, None] - lesion.depth_m
    cosine, sine = math.cos(math.radians(lesion.angle_deg)), math.sin(math.radians(lesion.angle_deg))
    along, across = (x * cosine + z * sine) / lesion.semi_lateral_m, (z * cosine - x * sine) / lesion.semi_axial_m
    scaled = np.hypot(along, across)
    chosen = (scaled > 0.5) & (scaled < 1.5) & np.isfinite(strain)
    if direction != "all":
        tilt = np.degrees(np.arctan2(np.abs(z), np.abs(x)))
        chosen &= tilt > 90 - SECTOR_DEG if direction == "axial" else tilt < SECTOR_DEG
    radius = np.hypot(x, z)[chosen]
    return radius * (1 - 1 / scaled[chosen]), -strain[chosen].astype(np.float64)


def _profile(distance: Values, strain: Values) -> tuple[Values, Values]:
    """Mean strain in bins of distance; thin bins are dropped."""
    if not distance.size:
        return distance, strain
    edges = np.linspace(distance.min(), distance.max(), BINS + 1)
    index = np.clip(np.digitize(distance, edges) - 1, 0, BINS - 1)
    counts = np.bincount(index, minlength=BINS)
    full = counts >= SMALLEST_BIN
    mean = np.bincount(index, strain, minlength=BINS)[full] / counts[full]
    place = np.bincount(index, distance, minlength=BINS)[full] / counts[full]
    return place, mean


def _fit(x: Values, profile: Values, reach: float) -> float | None:
    """Fit the error function and return its 10-90 % width, or None where the profile has no such edge."""
    step = float(np.mean(profile[x > 0]) - np.mean(profile[x < 0])) / 2 if (x > 0).any() and (x < 0).any() else 0.0
    scale = float(np.std(profile))
    if step == 0 or scale == 0:
        return None
    start = np.array([float(profile.mean()), step, 0.0, reach / 10]) / [scale, scale, reach, reach]

    def misfit(values: Values) -> Values:
        level, half, centre, width = values
        model = level + half * erf((x / reach - centre) / width)
        return np.asarray(model - profile / scale, dtype=np.float64)

    found = least_squares(misfit, start, bounds=([-np.inf, -np.inf, -0.4, 1e-4], [np.inf, np.inf, 0.4, 2.0]))
    unexplained, width = float(np.var(found.fun)), float(found.x[3]) * reach * TEN_TO_NINETY
    return None if unexplained > LARGEST_MISFIT or width > reach else width


def _of_lesion(source: MetricInput) -> Finding:
    found = edge_width(given(source.strain), source.geometry, given(source.lesion))
    return Finding(found.value, found.count, found.reason)


register(
    Metric(
        "edge_width_mm",
        "Edge width",
        "Width of the lesion's edge",
        "Distance over which strain goes from 10 to 90 % across the lesion's outline, the price of smoothing",
        _of_lesion,
        ("strain", "lesion"),
        "mm",
        "lower",
        places=frozenset({"evaluation"}),
        order=710,
        slow=True,
    ),
)
