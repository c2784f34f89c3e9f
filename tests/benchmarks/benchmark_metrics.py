"""Time of the live numbers while an ellipse is dragged over a map of 2048 x 256: `python -m` this file.

One drag step is what the window does for one mouse move: all metrics and all warnings.
"""

import sys
from dataclasses import replace
from statistics import median
from time import perf_counter, process_time

import numpy as np

from engine.metrics.contrast import region_metrics, region_warnings
from engine.types import Ellipse, Geometry

SHAPE = (2048, 256)
STEPS = 200


def main() -> None:
    """Drag a target of a quarter of the image's width across, and print median and worst time of a step."""
    geometry = Geometry(40e6, 5e6, 1540.0, 0.2e-3)
    strain = (-0.01 + 1e-3 * np.random.default_rng(0).standard_normal(SHAPE)).astype(np.float32)
    strain[:50] = np.nan
    target, background = Ellipse(0.0, 20e-3, 6e-3, 6e-3, 30.0), Ellipse(15e-3, 20e-3, 6e-3, 6e-3)
    times, busy = [], process_time()
    for lateral_m in np.linspace(-20e-3, 20e-3, STEPS):
        started = perf_counter()
        moved = replace(target, lateral_m=float(lateral_m))
        region_metrics(strain, geometry, moved, background)
        region_warnings(strain, geometry, moved, background)
        times.append(1e3 * (perf_counter() - started))
    busy = 1e3 * (process_time() - busy) / STEPS
    size = f"{SHAPE[0]} x {SHAPE[1]}"
    sys.stdout.write(
        f"drag step on {size}: median {median(times):.2f} ms, worst {max(times):.2f} ms, CPU {busy:.2f} ms\n"
    )


if __name__ == "__main__":
    main()
