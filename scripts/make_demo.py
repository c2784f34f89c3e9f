"""Make demo.h5, the recording that `strainscope demo` shows: a stiff, dark lesion in layered tissue with a vessel.

Run `python scripts/make_demo.py` from the top of the repository; the same code gives the same bytes.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.renderer import Imaging
from engine.simulation.sequences import Degradation, FrameLoad
from engine.simulation.texture import texture
from engine.simulation.write import write_recording
from engine.types import Ellipse, Geometry

STRAINS = (0.002, 0.004, 0.006, 0.008, 0.010, 0.012, 0.014, 0.016, 0.018)
SHIFTS = (0.8, -0.6, 0.4, 1.5, 0.9, 0.2, 1.1, 2.1, 1.6)
DRIFTS = (0.05, 0.10, 0.15, 0.15, 0.20, 0.25, 0.35, 0.35, 0.40)
"""Compression, and the hand's movement along the beam in samples and across it in lines, of each deformed frame."""
SEED = 1_000_321
BEST_FRAME = 4
"""Frame with the highest CNR by the default method; the window opens the recording there."""
LESION = Ellipse(-4.0e-3, 14.0e-3, 4.4e-3, 3.6e-3, 12.0)
VESSEL = Ellipse(8.2e-3, 20.6e-3, 1.5e-3, 1.2e-3)
TARGET = Ellipse(-4.0e-3, 14.0e-3, 3.1e-3, 2.5e-3, 12.0)
BACKGROUND = Ellipse(6.0e-3, 14.0e-3, 2.6e-3, 2.5e-3)

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Tissue(Plan):
    """A plan whose echoes are those of skin, fat, gland and muscle, with bright sheets between them."""

    def echogenicity(self, laterals_m: Points, depths_m: Points) -> Points:
        """Amplitude of the echoes at N points: layer, texture, sheets, then what lies in the layers."""
        fat = 1.6e-3 + 0.1e-3 * np.sin(900 * laterals_m)
        gland = 7.0e-3 + 0.9e-3 * np.sin(210 * laterals_m + 0.6) + 0.35e-3 * np.sin(530 * laterals_m)
        muscle = 22.4e-3 + 0.5e-3 * np.sin(160 * laterals_m + 2.0)
        brightness_db = np.select(
            [depths_m < fat, depths_m < gland, depths_m < muscle],
            [
                7.0 - 9.0 * depths_m / 1.6e-3,
                -13.0 + 2.5 * texture(11, laterals_m / 2, depths_m),
                -2.0
                + 3.0 * texture(5, laterals_m / 1.6, 1.2 * depths_m)
                + 2.2 * texture(9, 2 * laterals_m, 2.6 * depths_m),
            ],
            -10.0 + 4.0 * np.sin(2 * np.pi * (depths_m + 0.1 * laterals_m) / 1.1e-3) + texture(7, laterals_m, depths_m),
        )
        lobules = np.abs(texture(23, laterals_m, 1.6 * depths_m)) < 0.1
        brightness_db = brightness_db + np.where((depths_m > fat) & (depths_m < gland) & lobules, 12.0, 0.0)
        for sheet, level_db, half_m in ((fat, 8.0, 0.08e-3), (gland, 12.0, 0.10e-3), (muscle, 15.0, 0.12e-3)):
            near = np.abs(depths_m - sheet) < half_m
            brightness_db = np.where(near, level_db, brightness_db)
        brightness_db = self._lesion(brightness_db, laterals_m, depths_m)
        return np.asarray(10 ** (self._vessel(brightness_db, laterals_m, depths_m) / 20))

    def _lesion(self, brightness_db: Points, laterals_m: Points, depths_m: Points) -> Points:
        """Darken the lesion, unevenly, and faintly what lies in its shadow."""
        inside = self.phantom.labels(laterals_m, depths_m) == 1
        sideways = (laterals_m - LESION.lateral_m) / LESION.semi_lateral_m
        shadow = (depths_m > LESION.depth_m) & (np.abs(sideways) < 0.8)
        brightness_db = brightness_db - np.where(shadow & ~inside, 4.0 * (1 - sideways**2), 0.0)
        return np.where(inside, -19.0 + 2.5 * texture(31, laterals_m, depths_m), brightness_db)

    def _vessel(self, brightness_db: Points, laterals_m: Points, depths_m: Points) -> Points:
        """Blood gives hardly an echo; the wall is bright above and below, where the beam meets it squarely."""
        x, z = (
            (laterals_m - VESSEL.lateral_m) / VESSEL.semi_lateral_m,
            (depths_m - VESSEL.depth_m) / VESSEL.semi_axial_m,
        )
        radius = np.hypot(x, z)
        wall = (radius >= 1) & (radius < 1.25)
        wall_db = 14.0 * np.abs(z) / np.maximum(radius, 1e-6) - 2.0
        return np.where(radius < 1, -38.0, np.where(wall, wall_db, brightness_db))


def plan() -> Plan:
    """Skin, fat, gland and muscle under an 8 MHz array of 128 lines; noise, decorrelation and hand tremor included."""
    phantom = Phantom(
        46e-3,
        46e-3,
        (30e3, 18e3, 26e3, 42e3),
        (Inclusion(LESION, 95e3, (0.05, 0.06, 0.04)), Inclusion(VESSEL, 8e3)),
        (1.6e-3, 7.0e-3, 22.4e-3),
    )
    spacing_m, pitch_m = 1540 / (2 * 32e6), 0.2e-3
    loads = tuple(
        FrameLoad(strain, shift * spacing_m, drift * pitch_m, 0.0005 * number, 0.0004 * number)
        for number, (strain, shift, drift) in enumerate(zip(STRAINS, SHIFTS, DRIFTS, strict=True), start=1)
    )
    return Tissue(
        phantom=phantom,
        geometry=Geometry(32e6, 8e6, 1540.0, pitch_m, 0.0, 20.0),
        shape=(1200, 128),
        loads=loads,
        imaging=Imaging(bandwidth_fraction=0.65, f_number=1.8, attenuation_db_cm_mhz=0.3),
        degradation=Degradation(
            snr_db=26.0, correlation=0.985, gains=(1.01, 0.99, 0.98, 1.0, 1.02, 1.0, 0.97, 0.99, 1.03)
        ),
        texture_db=1.0,
    )


def main(path: Path) -> None:
    """Write the recording without its truth, which would make it four times as large."""
    attributes: dict[str, float | str | list[float]] = {
        name: [shape.lateral_m, shape.depth_m, shape.semi_lateral_m, shape.semi_axial_m, shape.angle_deg]
        for name, shape in (("demo_target", TARGET), ("demo_background", BACKGROUND))
    }
    attributes["demo_frame"] = BEST_FRAME
    write_recording(path, simulate(plan(), SEED).sequence(), with_truth=False, attributes=attributes)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "resources" / "examples" / "demo.h5")
