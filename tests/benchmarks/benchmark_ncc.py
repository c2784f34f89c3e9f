"""Tracking: time of the whole chain on 2000 x 128 x 6 frames, and jitter against the Cramer-Rao bound.

    python tests/benchmarks/benchmark_ncc.py [METHOD ...]

The frames are a band-limited random field, compressed the more the later, by 2 % in the last frame. The jitter is that
of single windows of one line (2 mm, flat band of 60 % at 5 MHz, noise in the band), 4000 of them.
"""

import sys
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch

from engine.device import choose_device
from engine.numerics.correlation import WindowGrid, find_peaks
from engine.pipeline import Settings, run
from engine.preprocess.bmode import bmode_db, reference_level
from engine.types import Geometry, RFSequence

ROWS, LINES, FRAMES = 2000, 128, 6
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3)


def main() -> None:
    """Print the seconds of each method, the milliseconds of a B-mode, and the jitter at 20, 30 and 40 dB."""
    sequence = RFSequence.from_array(recording(ROWS, LINES, FRAMES), GEOMETRY)
    for method in sys.argv[1:] or ["ncc", "loupas"]:
        _time(sequence, method)
    _time_bmode()
    for snr_db, bound in ((20, 0.0451), (30, 0.0142), (40, 0.0045)):
        _write(f"jitter at {snr_db} dB: {_jitter(snr_db):.4f} sample, bound {bound:.4f}")


def _time(sequence: RFSequence, method: str) -> None:
    list(run(sequence, Settings(method=method, frames=(1,)), choose_device("cpu")))
    started, busy = perf_counter(), process_time()
    strains = [np.nanmedian(entry.strain.axial) for entry in run(sequence, Settings(method=method), choose_device())]
    wall, busy = perf_counter() - started, process_time() - busy
    found = ", ".join(f"{100 * strain:.2f}" for strain in strains)
    _write(
        f"{method}: {len(strains)} strain maps of {ROWS} x {LINES} in {wall:.2f} s, CPU {busy:.2f} s, "
        f"{torch.get_num_threads()} threads; median strain {found} %"
    )


def _time_bmode() -> None:
    frame = np.random.default_rng(0).standard_normal((2048, 256)).astype(np.float32)
    level, times = reference_level(frame), []
    for _ in range(20):
        started = perf_counter()
        bmode_db(frame, reference_level=level)
        times.append(1e3 * (perf_counter() - started))
    _write(f"B-mode of 2048 x 256: median {median(times):.1f} ms, worst {max(times):.1f} ms")


def recording(height: int, lines: int, frames: int) -> np.ndarray:
    """Frames (T, H, W) of one band-limited field, read at the depths from which its points came."""
    rng = np.random.default_rng(0)
    field = _flat_band(4 * height, lines, 0.25, rng)
    fine = np.arange(4 * height) / 4
    rows = np.arange(height)
    found = []
    for index in range(frames):
        origin = rows / (1 - 0.02 * index / max(frames - 1, 1))
        found.append(np.stack([np.interp(origin, fine, field[:, line], right=0.0) for line in range(lines)], axis=1))
    return np.stack(found).astype(np.float32)


def _flat_band(rows: int, lines: int, spacing: float, rng: np.random.Generator) -> np.ndarray:
    frequency = np.fft.rfftfreq(rows, spacing / GEOMETRY.sampling_hz)
    inside = np.abs(frequency - GEOMETRY.center_hz) <= 0.3 * GEOMETRY.center_hz
    kept = np.fft.irfft(np.fft.rfft(rng.standard_normal((rows, lines)), axis=0) * inside[:, None], n=rows, axis=0)
    return (kept / kept.std()).astype(np.float32)


def _jitter(snr_db: float) -> float:
    rng = np.random.default_rng(1)
    signal = _flat_band(1040, 500, 1.0, rng)
    noise = 10 ** (-snr_db / 20)
    first, second = (signal + noise * _flat_band(1040, 500, 1.0, rng) for _ in range(2))
    pair = (torch.from_numpy(first), torch.from_numpy(second))
    peaks = find_peaks(*pair, WindowGrid(8, 13, 1), 1, None, symmetric=True)
    return float(peaks.residual[1, 6:-6:13].std())


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
