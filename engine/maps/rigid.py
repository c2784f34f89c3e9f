"""The rigid motion of a whole frame: a shift, and a turning about the middle of what is valid."""

from dataclasses import dataclass

import numpy as np

from engine.types import Displacement


@dataclass(frozen=True)
class RigidMotion:
    """Shift of the middle in metres, axial and lateral, and the angle of turning from lateral towards depth."""

    axial_m: float
    lateral_m: float
    angle_rad: float

    def words(self) -> str:
        """Say it in mm and degrees."""
        return (
            f"{1e3 * self.axial_m:+.3g} mm axial, {1e3 * self.lateral_m:+.3g} mm lateral, "
            f"{np.degrees(self.angle_rad):+.2g}\N{DEGREE SIGN}"
        )


def without_rigid(displacement: Displacement) -> tuple[Displacement, RigidMotion]:
    """Take the rigid motion off that fits a displacement best by least squares.

    Parameters
    ----------
    displacement
        Axial and lateral motion (H, W) in metres, NaN where there is none.

    Returns
    -------
    Displacement, RigidMotion
        What is left, and what was taken off: zero where nothing is valid.

    With x and z from the middle of the valid pixels, u = a - sin(t) z + (cos(t) - 1) x and w = b + sin(t) x +
    (cos(t) - 1) z; the best t is the angle of sum(x w - z u) over sum(x (x + u) + z (z + w)), after the means.
    """
    geometry, shape = displacement.geometry, displacement.axial_m.shape
    known = np.isfinite(displacement.axial_m) & np.isfinite(displacement.lateral_m)
    if not known.any():
        return displacement, RigidMotion(0.0, 0.0, 0.0)
    x, z = np.meshgrid(geometry.laterals_m(shape[1]), geometry.depths_m(shape[0]))
    x, z = x - x[known].mean(), z - z[known].mean()
    u, w = (part.astype(np.float64) for part in (displacement.lateral_m, displacement.axial_m))
    lateral_m, axial_m = float(u[known].mean()), float(w[known].mean())
    u, w = u - lateral_m, w - axial_m
    turned = float(np.sum((x * w - z * u)[known]))
    along = float(np.sum((x * (x + u) + z * (z + w))[known]))
    angle = float(np.arctan2(turned, along))
    sine, less = np.sin(angle), np.cos(angle) - 1
    lateral, axial = u - (less * x - sine * z), w - (sine * x + less * z)
    return (
        Displacement(axial.astype(np.float32), lateral.astype(np.float32), geometry, displacement.report),
        RigidMotion(axial_m, lateral_m, angle),
    )
