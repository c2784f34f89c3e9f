"""A strong general-purpose peer: dense inverse search optical flow (OpenCV).

DIS on the log envelope, decimated axially by four, finds the large motion; the deformed frame is warped by it, and DIS
on the band-passed RF finds the rest.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from engine.preprocess.bmode import bmode_db
from engine.preprocess.filters import band_pass
from engine.types import Geometry, Map
from tests.benchmarks.peers import Flow, decimated, warp

DECIMATION = 4


def dis_flow(reference: Map, deformed: Map, geometry: Geometry) -> Flow:
    """Motion (H, W, 2) of a pair: lateral lines, then axial samples."""
    coarse = _envelope_flow(reference, deformed)
    filtered = [band_pass(frame, geometry, 1.0) for frame in (reference, deformed)]
    scale = 127.0 / float(np.percentile(np.abs(filtered[0]), 99.9))
    fine = _dis().calc(_bytes(filtered[0] * scale + 128), _bytes(warp(filtered[1], coarse) * scale + 128), None)
    return np.asarray(fine + warp(coarse, fine), np.float32)


def _envelope_flow(reference: Map, deformed: Map) -> Flow:
    """Flow of the log envelope over 50 dB, back on the RF grid."""
    height, width = reference.shape
    images = [
        _bytes(decimated(np.clip((bmode_db(frame) + 50) * 5.1, 0, 255), DECIMATION)) for frame in (reference, deformed)
    ]
    found = cv2.resize(_dis().calc(*images, None), (width, height), interpolation=cv2.INTER_LINEAR)
    found[..., 1] *= height / images[0].shape[0]
    return np.asarray(gaussian_filter(found, (12, 2, 0)), np.float32)


def _dis() -> cv2.DISOpticalFlow:
    found = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found.setFinestScale(0)
    return found


def _bytes(values: Map) -> NDArray[np.uint8]:
    return np.clip(values, 0, 255).astype(np.uint8)
