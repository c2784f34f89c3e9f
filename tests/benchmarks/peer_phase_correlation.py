"""A well-known general-purpose peer: windowed phase correlation (scikit-image).

Windows of the log envelope, large enough for the large motion, then windows of the band-passed RF, warped by what was
found; outliers go by a median filter.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import median_filter
from skimage.registration import phase_cross_correlation

from engine.preprocess.bmode import bmode_db
from engine.preprocess.filters import band_pass
from engine.types import Geometry, Map
from tests.benchmarks.peers import Flow, warp

COARSE_M, FINE_M = 8e-3, 2e-3
"""Heights of the windows."""
LINES = 9
FACTOR = 20
"""A twentieth of a sample."""


def phase_correlation_flow(reference: Map, deformed: Map, geometry: Geometry) -> Flow:
    """Motion (H, W, 2) of a pair: lateral lines, then axial samples."""
    envelopes = [np.clip(bmode_db(frame) + 50, 0, 50) for frame in (reference, deformed)]
    coarse = _windowed(envelopes[0], envelopes[1], round(COARSE_M / geometry.axial_spacing_m), 4)
    filtered = [band_pass(frame, geometry, 1.0) for frame in (reference, deformed)]
    fine = _windowed(filtered[0], warp(filtered[1], coarse), round(FINE_M / geometry.axial_spacing_m), FACTOR)
    return np.asarray(fine + warp(coarse, fine), np.float32)


def _windowed(reference: Map, deformed: Map, rows: int, factor: int) -> Flow:
    """Shift of each window, windows overlapping by three quarters along depth and two thirds across, on all pixels."""
    height, width = reference.shape
    rows, lines = min(rows, height), min(LINES, width)
    tops, lefts = _starts(height, rows, max(1, rows // 4)), _starts(width, lines, 3)
    taper = np.hanning(rows + 2)[1:-1, None] * np.hanning(lines + 2)[None, 1:-1]
    shifts = np.empty((tops.size, lefts.size, 2), np.float64)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            place = np.s_[top : top + rows, left : left + lines]
            still, moved = ((part[place] - part[place].mean()) * taper for part in (reference, deformed))
            shift = phase_cross_correlation(still, moved, upsample_factor=factor, normalization=None)[0]
            shifts[i, j] = -shift[1], -shift[0]
    shifts = np.stack([median_filter(shifts[..., channel], 3) for channel in (0, 1)], axis=-1)
    grid = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    centers = tops + (rows - 1) / 2, lefts + (lines - 1) / 2
    places = np.stack([np.clip(axis, at[0], at[-1]) for axis, at in zip(grid, centers, strict=True)], axis=-1)
    return np.asarray(RegularGridInterpolator(centers, shifts)(places), np.float32)


def _starts(length: int, window: int, step: int) -> NDArray[np.intp]:
    return np.unique(np.append(np.arange(0, length - window + 1, step), length - window))
