"""Make demo.h5, the recording that `strainscope demo` shows: a soft and a stiff inclusion, compressed to 1.8 %.

Run `python scripts/make_demo.py` from the top of the repository; the same code gives the same bytes.
"""

import sys
from pathlib import Path

from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.renderer import Imaging
from engine.simulation.sequences import Degradation, FrameLoad
from engine.simulation.write import write_recording
from engine.types import Ellipse, Geometry

STRAINS = (0.002, 0.004, 0.006, 0.008, 0.010, 0.012, 0.014, 0.016, 0.018)
SHIFTS = (0.8, -0.6, 0.4, 1.5, 0.9, 0.2, 1.1, 2.1, 1.6)
DRIFTS = (0.05, 0.10, 0.15, 0.15, 0.20, 0.25, 0.35, 0.35, 0.40)
"""Compression, and the hand's movement along the beam in samples and across it in lines, of each deformed frame."""
SEED = 1_000_321
TARGET = Ellipse(-7.0e-3, 13.0e-3, 2.8e-3, 2.8e-3)
BACKGROUND = Ellipse(0.9e-3, 13.0e-3, 1.9e-3, 2.8e-3)


def plan() -> Plan:
    """Two lesions in 25 kPa tissue under a 7 MHz array of 128 lines; noise, decorrelation and hand tremor included."""
    phantom = Phantom(
        56e-3,
        40e-3,
        (22e3, 28e3),
        (
            Inclusion(Ellipse(-7.0e-3, 13.0e-3, 4.0e-3, 4.0e-3), 90e3),
            Inclusion(Ellipse(9.0e-3, 15.5e-3, 4.2e-3, 2.8e-3, 20.0), 9e3, (0.06, 0.05, 0.0)),
        ),
        (5e-3,),
    )
    spacing_m, pitch_m = 1540 / (2 * 40e6), 0.25e-3
    loads = tuple(
        FrameLoad(strain, shift * spacing_m, drift * pitch_m, 0.0005 * number, 0.0004 * number)
        for number, (strain, shift, drift) in enumerate(zip(STRAINS, SHIFTS, DRIFTS, strict=True), start=1)
    )
    return Plan(
        phantom=phantom,
        geometry=Geometry(40e6, 7e6, 1540.0, pitch_m, 0.0, 20.0),
        shape=(1200, 128),
        loads=loads,
        imaging=Imaging(bandwidth_fraction=0.6, attenuation_db_cm_mhz=0.5),
        degradation=Degradation(
            snr_db=18.0, correlation=0.985, gains=(1.01, 0.99, 0.98, 1.0, 1.02, 1.0, 0.97, 0.99, 1.03)
        ),
        echo_gains=(0.4, 0.7),
        texture_db=2.5,
        texture_seed=5,
    )


def main(path: Path) -> None:
    """Write the recording without its truth, which would make it four times as large."""
    attributes = {
        name: [shape.lateral_m, shape.depth_m, shape.semi_lateral_m, shape.semi_axial_m, shape.angle_deg]
        for name, shape in (("demo_target", TARGET), ("demo_background", BACKGROUND))
    }
    write_recording(path, simulate(plan(), SEED).sequence(), with_truth=False, attributes=attributes)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "resources" / "examples" / "demo.h5")
