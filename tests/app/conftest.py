"""One small recording of known compression, and its result, for everything that starts from files."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d, map_coordinates

from app.cli import main

STRAIN = 0.01
ROWS, LINES, FRAMES = 640, 40, 4


@pytest.fixture(scope="session", name="rf_file")
def fixture_rf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RF of band-limited speckle whose frame k is compressed by k % against frame 0, in our own format."""
    random = np.random.default_rng(0)
    baseband = gaussian_filter1d(random.standard_normal((2, ROWS + 40, LINES)), 4, axis=1)
    phase = 2 * np.pi * np.arange(ROWS + 40)[:, None] / 8
    still = baseband[0] * np.cos(phase) + baseband[1] * np.sin(phase)
    rows, lines = np.mgrid[:ROWS, :LINES].astype(float)
    frames = [
        map_coordinates(still, (rows / (1 - STRAIN * frame), lines), order=3, mode="nearest") for frame in range(FRAMES)
    ]
    path = tmp_path_factory.mktemp("recording") / "small.h5"
    with h5py.File(path, "w") as file:
        file["rf"] = np.stack(frames).astype(np.float32)
        file.attrs.update(
            format="strainscope-rf",
            version=1,
            sampling_hz=40e6,
            center_hz=5e6,
            sound_speed_m_s=1540.0,
            pitch_m=0.3e-3,
            start_depth_m=0.0,
        )
    return path


@pytest.fixture(scope="session", name="result_file")
def fixture_result_file(rf_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Result of `strainscope estimate` on the recording, by correlation."""
    path = tmp_path_factory.mktemp("result") / "small-result.h5"
    assert main(["estimate", str(rf_file), "-o", str(path), "--method", "ncc", "--device", "cpu"]) == 0
    return path
