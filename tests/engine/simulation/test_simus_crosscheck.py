"""The renderer against SIMUS (pymust), an independent simulator of the pressure field: spectrum, speckle, shift.

The same scatterers are insonified by SIMUS with a plane wave from a linear array and beamformed here by delay and
sum at f/2. Frames are not compared sample by sample, since the beams differ; what matters to a tracker is.
"""

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import hilbert, resample

from engine.simulation.renderer import Imaging, render
from engine.simulation.scatterers import Region, Scatterers, scatter
from engine.types import Geometry

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pymust = pytest.importorskip("pymust")

pytestmark = pytest.mark.slow

Frame = NDArray[np.float64]
Renderer = Callable[[Scatterers], Frame]

SOUND_SPEED = 1540.0
ELEMENTS, PITCH_M = 64, 0.3e-3
GEOMETRY = Geometry(40e6, 5e6, SOUND_SPEED, 0.2e-3, start_depth_m=16e-3)
SHAPE = (384, 28)
REGION = Region(15e-3, 24.5e-3, -4.5e-3, 4.5e-3)
FINER = 4


def tissue() -> Scatterers:
    return scatter(REGION, 60e6, torch.Generator().manual_seed(2), torch.device("cpu"))


def ours(scatterers: Scatterers) -> Frame:
    # A receive aperture alone focuses: the beam is wider than a two-way focused one by the root of two.
    return render(scatterers, SHAPE, GEOMETRY, Imaging(f_number=2 * math.sqrt(2))).double().numpy()


def simus(scatterers: Scatterers) -> Frame:
    parameters = pymust.getparam("L11-5v")
    parameters.fc, parameters.bandwidth, parameters.fs, parameters.c = 5e6, 60.0, 40e6, SOUND_SPEED
    parameters.Nelements, parameters.pitch, parameters.kerf, parameters.width = ELEMENTS, PITCH_M, 3e-5, 2.7e-4
    places = [np.atleast_2d(entry.double().numpy()) for entry in (scatterers.lateral_m, scatterers.depth_m)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        channels, _ = pymust.simus(
            *places, np.atleast_2d(scatterers.amplitude.double().numpy()), np.zeros((1, ELEMENTS)), parameters
        )
    return delay_and_sum(np.real(channels))


def delay_and_sum(channels: Frame) -> Frame:
    """Beamform a plane-wave shot (samples, elements) on GEOMETRY's grid, f/2 with a Hann window."""
    fine = resample(channels, FINER * channels.shape[0], axis=0)
    elements = (np.arange(ELEMENTS) - (ELEMENTS - 1) / 2) * PITCH_M
    depths, laterals = GEOMETRY.depths_m(SHAPE[0]), GEOMETRY.laterals_m(SHAPE[1])
    image = np.zeros(SHAPE)
    for line, lateral in enumerate(laterals):
        for number, element in enumerate(elements):
            offset = (element - lateral) / (depths / 4)  # f/2: the aperture reaches depth / 4 to either side
            weight = np.where(np.abs(offset) < 1, 0.5 + 0.5 * np.cos(np.pi * offset), 0.0)
            travel = (depths + np.hypot(depths, element - lateral)) / SOUND_SPEED
            place = travel * GEOMETRY.sampling_hz * FINER
            image[:, line] += weight * np.interp(place, np.arange(fine.shape[0]), fine[:, number], right=0.0)
    return image


@pytest.fixture(scope="module", params=[ours, simus], ids=["renderer", "simus"])
def simulator(request: pytest.FixtureRequest) -> Renderer:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def still(simulator: Renderer) -> Frame:
    return simulator(tissue())


def test_spectra_agree(still: Frame) -> None:
    power = (np.abs(np.fft.rfft(still * np.hanning(SHAPE[0])[:, None], n=2048, axis=0)) ** 2).sum(1)
    smooth = np.convolve(power, np.hanning(61), "same")
    frequency = np.fft.rfftfreq(2048, 1 / 40e6)
    band = frequency[smooth > smooth.max() / 4]
    assert (band[0] + band[-1]) / 2 == pytest.approx(5e6, abs=0.35e6)
    assert band[-1] - band[0] == pytest.approx(3e6, abs=0.6e6)


def test_speckle_is_fully_developed(still: Frame) -> None:
    envelope = np.abs(hilbert(still, axis=0))[30:-30]
    # Rayleigh 1.91; one frame has some 250 cells, hence the wide band.
    assert envelope.mean() / envelope.std() == pytest.approx(1.88, abs=0.2)


def test_speckle_cells_are_of_the_stated_size(still: Frame) -> None:
    # Half width of the envelope's autocovariance: axially near 0.11 mm, laterally near 0.5 to 0.8 mm.
    envelope = np.abs(hilbert(still, axis=0))[30:-30]
    envelope = envelope - envelope.mean()
    axial = [(envelope[shift:] * envelope[: len(envelope) - shift]).mean() for shift in range(30)]
    lateral = [(envelope[:, shift:] * envelope[:, : SHAPE[1] - shift]).mean() for shift in range(8)]
    half_axial = np.argmax(np.array(axial) < axial[0] / 2) * GEOMETRY.axial_spacing_m
    half_lateral = np.argmax(np.array(lateral) < lateral[0] / 2) * GEOMETRY.pitch_m
    assert 0.06e-3 < half_axial < 0.20e-3
    assert 0.2e-3 < half_lateral < 0.9e-3


def test_a_shift_of_a_third_sample_is_seen_as_such(simulator: Renderer, still: Frame) -> None:
    original = tissue()
    moved = simulator(
        Scatterers(original.depth_m + 0.3 * GEOMETRY.axial_spacing_m, original.lateral_m, original.amplitude)
    )
    window = np.hanning(320)[:, None]
    cross = (np.fft.rfft(still[32:352] * window, axis=0).conj() * np.fft.rfft(moved[32:352] * window, axis=0)).sum(1)
    frequency = np.fft.rfftfreq(320)
    band = (frequency > 0.09) & (frequency < 0.16)
    phase, weight = -np.angle(cross[band]) / (2 * np.pi), np.abs(cross[band])
    slope = (weight * phase * frequency[band]).sum() / (weight * frequency[band] ** 2).sum()
    assert slope == pytest.approx(0.3, abs=0.01)


def test_compression_by_one_percent_decorrelates_both_alike() -> None:
    """Scatterers compressed by 1 %, the frame stretched back by the same: the rest is decorrelation."""
    original = tissue()
    compressed = Scatterers(original.depth_m * 0.99, original.lateral_m * (1 + 0.01), original.amplitude)
    found = []
    for simulator in (ours, simus):
        frames = [simulator(entry) for entry in (original, compressed)]
        depths = GEOMETRY.depths_m(SHAPE[0])
        rows = (depths * 0.99 - depths[0]) / GEOMETRY.axial_spacing_m
        inside = rows > 4
        fine = resample(frames[1], 8 * SHAPE[0], axis=0)
        back = np.stack([np.interp(8 * rows[inside], np.arange(len(fine)), line) for line in fine.T], axis=1)
        found.append(np.corrcoef(back.ravel(), frames[0][inside].ravel())[0, 1])
    assert found[0] == pytest.approx(found[1], abs=0.02)
    assert min(found) > 0.95
