"""How fast the simulator is, and whether correlation on its RF is as accurate as theory allows.

    python -m tests.benchmarks.benchmark_simulation speed [--device cuda]
    python -m tests.benchmarks.benchmark_simulation accuracy [--seeds 10] [--plot FILE.png]

`accuracy` runs correlation in single-line windows of 2 mm on the standard grid of strains, in-band signal-to-noise
ratios and decorrelations, after the true motion is undone, and divides its spread by the Cramer-Rao bound of delay
(Walker & Trahey, IEEE TUFFC 42:301, 1995). The bound applies up to some 30 dB: above, a finite window has an error of
its own, about 0.1 micrometres.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

from engine.numerics.accuracy_limit import displacement_deviation_m
from engine.numerics.correlation import WindowGrid, find_peaks
from engine.numerics.warp import motion_from_numpy, warp
from engine.simulation.crops import CropSettings, training_sequence
from engine.simulation.mechanics import Compression, UnitField, compress
from engine.simulation.noise import in_band_gain_db
from engine.simulation.phantom import Phantom
from engine.simulation.protocols import protocol
from engine.simulation.recording import Plan, simulate_with
from engine.simulation.sequences import Degradation, FrameLoad
from engine.types import Geometry

WINDOW_M = 2e-3
STRAINS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.045)
IN_BAND_SNR_DB = (20.0, 30.0, 40.0, math.inf)
CORRELATIONS = (1.0, 0.99, 0.95)
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.6e-3)
"""Lines a beam width apart, so that they are independent."""
PHANTOM = Phantom(60e-3, 40e-3, (30e3,))


@dataclass(frozen=True)
class Point:
    """One corner of the grid: the spread of displacement that was found and the bound, in micrometres."""

    strain: float
    snr_db: float
    correlation: float
    found_um: float
    bound_um: float


def uniform_field() -> UnitField:
    """Pure axial compression, so that no line moves into its neighbour."""
    return compress(PHANTOM, Compression(sides="confined"), 5e-3)


def accuracy(field_m: UnitField, strain: float, snr_db: float, correlation: float, seeds: Iterable[int]) -> Point:
    """Measure one corner of the grid."""
    degradation = Degradation(snr_db=snr_db - in_band_gain_db(GEOMETRY, 0.6), correlation=correlation)
    plan = Plan(PHANTOM, GEOMETRY, (1024, 48), (FrameLoad(strain),), degradation=degradation, scatterers_per_cell=15.0)
    grid = WindowGrid.fit(WINDOW_M / GEOMETRY.axial_spacing_m, 1)
    variances = []
    for seed in seeds:
        recording = simulate_with(field_m, plan, seed)
        truth = recording.truth().read_frame(1)
        axial = truth.axial_displacement_m / GEOMETRY.axial_spacing_m
        motion = motion_from_numpy(axial, truth.lateral_displacement_m, torch.device("cpu"))
        back = warp(recording.rf[1][None, None], motion)[0, 0]
        residual = find_peaks(recording.rf[0], back, grid, 1, None).residual[1, 10:-20]
        variances.append(float(residual.square().mean()))
    found_um = 1e6 * GEOMETRY.axial_spacing_m * math.sqrt(np.mean(variances))
    window_m = grid.step * grid.blocks * GEOMETRY.axial_spacing_m
    bound_um = 1e6 * displacement_deviation_m(window_m, GEOMETRY, correlation, snr_db)
    return Point(strain, snr_db, correlation, found_um, bound_um)


def run_accuracy(seeds: int, plot: Path | None) -> None:
    """Print the grid, and draw it."""
    field_m = uniform_field()
    points = []
    for correlation in CORRELATIONS:
        for snr_db in IN_BAND_SNR_DB:
            for strain in STRAINS:
                point = accuracy(field_m, strain, snr_db, correlation, range(1_000_000, 1_000_000 + seeds))
                points.append(point)
                ratio = point.found_um / point.bound_um if point.bound_um else math.nan
                say(
                    f"{100 * strain:5.2f} %  {snr_db:4.0f} dB  rho {correlation:.2f}  {point.found_um:6.3f} um  "
                    f"bound {point.bound_um:6.3f} um  ratio {ratio:5.2f}"
                )
    if plot:
        draw(points, plot)


def draw(points: Sequence[Point], path: Path) -> None:
    """One panel a correlation: spread over strain, with the bound as a dashed line of the same colour."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for axis, correlation in zip(figure.subplots(1, len(CORRELATIONS), sharey=True), CORRELATIONS, strict=True):
        for number, snr_db in enumerate(IN_BAND_SNR_DB):
            chosen = [point for point in points if (point.correlation, point.snr_db) == (correlation, snr_db)]
            strains = [100 * point.strain for point in chosen]
            axis.plot(strains, [point.found_um for point in chosen], "o-", color=f"C{number}", label=f"{snr_db:g} dB")
            if chosen[0].bound_um > 0:
                axis.plot(strains, [point.bound_um for point in chosen], "--", color=f"C{number}")
        axis.set(title=f"correlation {correlation:g}", xlabel="Applied strain (%)", yscale="log")
    figure.axes[0].set_ylabel("Std of axial displacement (µm)")
    figure.axes[0].legend(title="in-band SNR")
    figure.savefig(path, dpi=150)


def run_speed(device: torch.device) -> None:
    """Print the median times of what training and evaluation ask for."""
    say(torch.cuda.get_device_name() if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads")
    for settings in (CropSettings(), CropSettings(protocol="tehrani-rivaz")):
        task = partial(training_sequence, torch.Generator().manual_seed(0), settings, device)
        first = _seconds(task, device)
        times = [_seconds(task, device) for _ in range(40)]
        say(f"training sequence {settings.protocol}, 4 x 512 x 64: {1e3 * median(times):.1f} ms (bank: {first:.1f} s)")
    plan = protocol("tehrani-rivaz").plan(2, 1_000_000)
    field_m = compress(plan.phantom, plan.compression)
    solve = _seconds(partial(compress, plan.phantom, plan.compression), device)
    times = [_seconds(partial(simulate_with, field_m, plan, 1, device), device) for _ in range(5)]
    say(f"recording 10 x 2048 x 256: {median(times):.3f} s, finite elements {solve:.2f} s")


def _seconds(task: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = perf_counter()
    task()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - started


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "accuracy"))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("this machine has no CUDA device: nothing is measured")
    if given.what == "speed":
        run_speed(torch.device(given.device))
    else:
        run_accuracy(given.seeds, given.plot)


if __name__ == "__main__":
    main()
