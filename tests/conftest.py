"""Synthetic RF for the tests: scatterers that move, and are rendered again as Gaussian pulses.

`render(motion)` gives a FramePair in which each scatterer has moved by `motion(z, x) = (axial, lateral)` in metres.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.preprocess.pairing import normalise
from engine.types import FramePair, Geometry, Map

Array = NDArray[np.float64]
Motion = Callable[[Array, Array], tuple[Array, Array]]
Render = Callable[..., FramePair]

JSON_PAGE = Path(__file__).parent.parent / "docs" / "json.md"

_BANDWIDTH = 0.6
_BEAM_FWHM_M = 0.55e-3
_SCATTERERS_PER_M2 = 72e6
_MARGIN_M = 3e-3


@pytest.fixture(scope="session", autouse=True)
def _disk_is_not_waited_for() -> Iterator[None]:
    """Files of a test need not outlive a power cut: each of some thousands would wait for the disk."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        yield


def pytest_xdist_setupnodes() -> None:
    """Give each of the processes that share the tests one thread: more would wait for one another."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def documented() -> dict[str, set[str]]:
    """Keys of the JSON of each command: those of the tables' first columns in the documentation."""
    sections = re.split(r"^## ", JSON_PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        section.split("\n")[0]: {
            key
            for line in section.splitlines()
            if line.startswith("| `")
            for key in re.findall(r"`(\w+)`", line.split("|")[1])
        }
        for section in sections
    }


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], documented: dict[str, set[str]]) -> Callable[[str], dict[str, Any]]:
    """Function `printed(command)`: the JSON on standard output, whose keys are those that are documented."""

    def read(command: str) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert facts.pop("schema_version") == 1
        assert set(facts) == documented[command]
        return facts

    return read


@pytest.fixture(scope="session")
def geometry() -> Geometry:
    return Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)


@pytest.fixture(scope="session")
def cpu() -> torch.device:
    return torch.device("cpu")


@pytest.fixture(scope="session")
def render(geometry: Geometry) -> Render:
    """Function `render(motion, rows=, lines=, seed=, snr_db=, beam_m=)` that simulates a pair, normalised."""

    def simulate(
        motion: Motion,
        rows: int = 700,
        lines: int = 24,
        seed: int = 0,
        snr_db: float = np.inf,
        beam_m: float = _BEAM_FWHM_M,
    ) -> FramePair:
        rng = np.random.default_rng(seed)
        depth, breadth = rows * geometry.axial_spacing_m, lines * geometry.pitch_m
        count = int(_SCATTERERS_PER_M2 * (depth + 2 * _MARGIN_M) * (breadth + 2 * _MARGIN_M))
        z = rng.uniform(-_MARGIN_M, depth + _MARGIN_M, count)
        x = rng.uniform(-breadth / 2 - _MARGIN_M, breadth / 2 + _MARGIN_M, count)
        amplitude = rng.choice([-1.0, 1.0], count)
        axial, lateral = motion(z, x)
        frames = [
            _frame(z, x, amplitude, (rows, lines), geometry, beam_m),
            _frame(z + axial, x + lateral, amplitude, (rows, lines), geometry, beam_m),
        ]
        noise = frames[0].std() * 10 ** (-snr_db / 20)
        noisy = [(frame + noise * rng.standard_normal(frame.shape)).astype(np.float32) for frame in frames]
        return normalise(noisy[0], noisy[1], geometry)

    return simulate


def _frame(z: Array, x: Array, amplitude: Array, shape: tuple[int, int], geometry: Geometry, beam_m: float) -> Map:
    """Sum of Gaussian pulses, evaluated at the samples around each scatterer (no interpolation anywhere)."""
    rows, lines = shape
    spacing, pitch = geometry.axial_spacing_m, geometry.pitch_m
    sigma_z = geometry.sound_speed_m_s / (4 * np.pi * _BANDWIDTH * geometry.center_hz / 2.355)
    sigma_x = beam_m / 2.355
    reach_z, reach_x = int(np.ceil(4 * sigma_z / spacing)), int(np.ceil(3.5 * sigma_x / pitch))
    row = np.rint(z / spacing).astype(int)[:, None] + np.arange(-reach_z, reach_z + 1)
    line = np.rint(x / pitch + (lines - 1) / 2).astype(int)[:, None] + np.arange(-reach_x, reach_x + 1)
    away_z, away_x = row * spacing - z[:, None], (line - (lines - 1) / 2) * pitch - x[:, None]
    wavenumber = 4 * np.pi * geometry.center_hz / geometry.sound_speed_m_s
    pulse = amplitude[:, None] * np.exp(-(away_z**2) / (2 * sigma_z**2)) * np.cos(wavenumber * away_z)
    pulse = pulse * ((row >= 0) & (row < rows))
    beam = np.exp(-(away_x**2) / (2 * sigma_x**2)) * ((line >= 0) & (line < lines))
    index = np.clip(row, 0, rows - 1)[:, :, None] * lines + np.clip(line, 0, lines - 1)[:, None, :]
    summed = np.bincount(index.ravel(), (pulse[:, :, None] * beam[:, None, :]).ravel(), rows * lines)
    return summed.reshape(shape).astype(np.float32)
