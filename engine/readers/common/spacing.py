"""What the spacing of an image says: its unit from its size, the pitch, and the rate that the axial one amounts to."""

from engine.readers.base import ASSUMED

AXIAL_M, LATERAL_M = (1e-6, 5e-4), (1e-5, 5e-3)
"""Spacings that RF can have; others are placeholders or another unit, and are not believed."""
UNITS = {"mm": 1e-3, "m": 1.0, "um": 1e-6}


def spacing_in_m(axial: float, lateral: float, units: tuple[str, ...] = ("mm", "m")) -> tuple[float, float, str] | None:
    """Return both spacings in metres and their unit, or None where they are a placeholder.

    The ranges that RF can have in mm and in m do not overlap, so that the numbers themselves say their unit.

    >>> spacing_in_m(0.02, 0.2), spacing_in_m(1, 1)
    ((2e-05, 0.0002, 'mm'), None)
    """
    for unit in units:
        scale = UNITS[unit]
        if AXIAL_M[0] <= axial * scale <= AXIAL_M[1] and LATERAL_M[0] <= lateral * scale <= LATERAL_M[1]:
            return (axial * scale, lateral * scale, unit) if axial != lateral else None
    return None


def rate_of(axial_m: float) -> float:
    """Return the sampling rate that an axial spacing amounts to at the sound speed that is assumed."""
    return ASSUMED["sound_speed_m_s"] / (2 * axial_m)


def rate_note(axial_m: float) -> str:
    """Say where such a rate comes from."""
    speed = ASSUMED["sound_speed_m_s"]
    return f"sampling rate from the axial spacing of {axial_m * 1e3:g} mm at {speed:g} m/s"
