"""All of the plane's strain: derivatives of both displacements, and the tensor that they give.

With u the lateral and w the axial displacement, x the lateral and z the axial direction, derivatives are slopes of
straight lines fitted over the strain window along depth and over the lateral window across the lines.

    infinitesimal     e_zz = w_z                       e_xx = u_x                      e_xz = (u_z + w_x) / 2
    Green-Lagrange    E_zz = w_z + (w_z^2 + u_z^2)/2   E_xx = u_x + (u_x^2 + w_x^2)/2
                      E_xz = (u_z + w_x + u_x u_z + w_x w_z) / 2

The axial derivative is the strain method's own, so that axial strain is the same number everywhere. Of lines that fan
out, x is the direction across the line at its depth: u_x = u_j / s + w / r and w_x = w_j / s - u / r, with s the
distance of the lines at radius r from the apex. Malvern, Introduction to the Mechanics of a Continuous Medium, 1969.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.numerics.slope import fit_weights, weighted_slope
from engine.types import Displacement, Map, Strain

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Gradient:
    """Derivatives of displacement, (H, W) each: `u` lateral and `w` axial, `_x` by lateral place, `_z` by depth."""

    u_x: Values
    u_z: Values
    w_x: Values
    w_z: Values


@dataclass(frozen=True)
class StrainTensor:
    """Components of strain and the angle of rotation in radians, (H, W) float32 each; NaN where one is not known.

    Elongation is positive. Shear is that of the tensor, half the change of a right angle. Rotation is positive from
    lateral towards depth, clockwise on screen, and exact for any angle.
    """

    axial: Map
    lateral: Map
    shear: Map
    rotation_rad: Map


def strain_tensor(displacement: Displacement, strain: Strain, quality: Map | None) -> StrainTensor:
    """Return every component of a frame's strain, of the kind that `strain` is.

    Parameters
    ----------
    displacement, strain
        Estimate of a frame (H, W); the strain says over which windows.
    quality
        Local correlation (H, W), whose square weights the fits.

    Returns
    -------
    StrainTensor
        Maps (H, W).

    >>> from engine.types import Geometry
    >>> geometry = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
    >>> lateral = np.tile(0.02 * geometry.laterals_m(40), (200, 1)).astype(np.float32)
    >>> still = np.zeros_like(lateral)
    >>> found = strain_tensor(Displacement(still, lateral, geometry), Strain(still, geometry, 2e-3), None)
    >>> round(float(found.lateral[100, 20]), 5)
    0.02
    """
    gradient = displacement_gradient(displacement, strain, quality)
    u_x, u_z, w_x, w_z = gradient.u_x, gradient.u_z, gradient.w_x, gradient.w_z
    lateral, shear = u_x, (u_z + w_x) / 2
    if strain.measure == "green-lagrange":
        lateral, shear = u_x + (u_x**2 + w_x**2) / 2, shear + (u_x * u_z + w_x * w_z) / 2
    rotation = np.arctan2(w_x - u_z, 2 + u_x + w_z)  # of the polar decomposition of the deformation gradient
    return StrainTensor(strain.axial, *(entry.astype(np.float32) for entry in (lateral, shear, rotation)))


def green_lagrange(displacement: Displacement, infinitesimal: Strain, quality: Map | None) -> Strain:
    """Return the axial Green-Lagrange strain of a displacement whose infinitesimal one is known."""
    u_z = _along_depth(displacement, infinitesimal, quality)
    w_z = infinitesimal.axial.astype(np.float64)
    axial = (w_z + (w_z**2 + u_z**2) / 2).astype(np.float32)
    return replace(infinitesimal, axial=axial, measure="green-lagrange")


def displacement_gradient(displacement: Displacement, strain: Strain, quality: Map | None) -> Gradient:
    """Return the derivatives of a frame's displacement over the windows of its strain; w_z is the strain's own."""
    u_z = _along_depth(displacement, strain, quality)
    w_z = strain.axial.astype(np.float64)
    if strain.measure == "green-lagrange":
        w_z = np.sqrt(np.maximum(1 + 2 * w_z - u_z**2, 0.0)) - 1
    geometry = strain.geometry
    spacing_m = geometry.line_spacings_m(len(w_z))[:, None]
    u_x = _from_line_to_line(displacement.lateral_lines, strain, quality)
    w_x = _from_line_to_line(displacement.axial_m, strain, quality) / spacing_m
    if geometry.sector is not None:
        radius_m = spacing_m / geometry.sector.angle_step_rad
        u_x, w_x = u_x + displacement.axial_m / radius_m, w_x - displacement.lateral_lines * spacing_m / radius_m
    return Gradient(u_x, u_z, w_x, w_z)


def _along_depth(displacement: Displacement, strain: Strain, quality: Map | None) -> Values:
    """Return the derivative of lateral displacement by depth; its metres are those of the lines' true distance."""
    geometry = strain.geometry
    lateral_m = displacement.lateral_lines * geometry.line_spacings_m(len(strain.axial))[:, None]
    window = geometry.window_samples(strain.window_m)
    return weighted_slope(lateral_m, fit_weights(lateral_m, quality), window) / geometry.axial_spacing_m


def _from_line_to_line(values: Map, strain: Strain, quality: Map | None) -> Values:
    window, weights = strain.geometry.window_lines(strain.lateral_window_m), fit_weights(values, quality)
    return weighted_slope(values.T, weights.T, window).T
