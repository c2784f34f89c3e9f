"""Local rotation, which infinitesimal strain takes for strain where it is large."""

import numpy as np

from engine.maps.base import StrainMap, register
from engine.quantity import Quantity

register(
    StrainMap(
        "rotation",
        "Rotation",
        "Angle by which tissue has turned, from lateral towards depth, clockwise on screen",
        "arctan2(w_x - u_z, 2 + u_x + w_z)",
        Quantity(
            "rotation",
            "Rotation (\N{DEGREE SIGN})",
            180 / np.pi,
            ("anticlockwise", "clockwise"),
            "\N{DEGREE SIGN}",
            symmetric=True,
        ),
        lambda source: source.tensor.rotation_rad,
        across=True,
        colormap="crameri:vik",
    )
)
