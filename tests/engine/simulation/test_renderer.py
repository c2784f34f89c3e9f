"""The image formation against its formula, Rayleigh statistics, its spectrum and its response to known shifts."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.simulation.noise import add_gaussian, add_uniform, in_band_gain_db
from engine.simulation.renderer import Imaging, render
from engine.simulation.scatterers import GridField, Region, Scatterers, scatter
from engine.types import Geometry

CPU = torch.device("cpu")
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3)
IMAGING = Imaging()
SHAPE = (512, 48)
REGION = Region(-1e-3, 11e-3, -7e-3, 7e-3)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tissue(seed: int, per_cell: float = 12.0) -> Scatterers:
    return scatter(REGION, per_cell / IMAGING.resolution_cell_m2(0.0, GEOMETRY), generator(seed), CPU)


def point(depth_m: float, lateral_m: float) -> Scatterers:
    return Scatterers(torch.tensor([depth_m]), torch.tensor([lateral_m]), torch.tensor([1.0]))


def envelope(rf: Tensor) -> Tensor:
    spectrum = torch.fft.fft(rf, dim=0)
    spectrum[rf.shape[0] // 2 :] = 0
    return 2 * torch.fft.ifft(spectrum, dim=0).abs()


def formula(one: Scatterers, imaging: Imaging, geometry: Geometry) -> Tensor:
    """rf(z, x) of one scatterer, straight from its equation."""
    z = torch.tensor(geometry.depths_m(SHAPE[0]))[:, None] - one.depth_m.double()
    x = torch.tensor(geometry.laterals_m(SHAPE[1]))[None, :] - one.lateral_m.double()
    wave = torch.cos(4 * math.pi * geometry.center_hz / geometry.sound_speed_m_s * z + math.radians(imaging.phase_deg))
    pulse = torch.exp(-(z**2) / (2 * imaging.pulse_sigma_m(geometry) ** 2)) * wave
    beam = torch.exp(-(x**2) / (2 * imaging.beam_sigma_m(one.depth_m, geometry).double() ** 2))
    return pulse * beam


@pytest.mark.parametrize("attenuation", [0.0, 1e-9])
@pytest.mark.parametrize("place", [(5.00371e-3, 0.123e-3), (2.0e-3, -3.3e-3), (0.02e-3, 0.0)])
def test_one_scatterer_gives_the_formula(place: tuple[float, float], attenuation: float) -> None:
    # The B-spline's image lies 70 dB down; the beam is cut at 3.5 standard deviations (0.2 %).
    one, imaging = point(*place), Imaging(attenuation_db_cm_mhz=attenuation)
    found, wanted = render(one, SHAPE, GEOMETRY, imaging).double(), formula(one, imaging, GEOMETRY)
    scale = (found * wanted).sum() / wanted.square().sum()
    assert float((found - scale * wanted).norm() / (scale * wanted).norm()) < 3e-3


def test_pulse_has_the_stated_width() -> None:
    # c / (4 pi sigma_f) = 0.0962 mm at 5 MHz and 60 % bandwidth.
    assert IMAGING.pulse_sigma_m(GEOMETRY) == pytest.approx(0.0962e-3, rel=1e-3)


def test_beam_is_as_wide_as_the_aperture_allows() -> None:
    wide = Imaging(f_number=2.0, aperture_m=10e-3)
    near, far = wide.beam_sigma_m(torch.tensor([10e-3, 40e-3]), GEOMETRY) * 2 * math.sqrt(2 * math.log(2))
    assert float(near) == pytest.approx(0.9 * 0.308e-3 * 2, rel=1e-4)
    assert float(far) == pytest.approx(0.9 * 0.308e-3 * 4, rel=1e-4)


def test_superposition_holds() -> None:
    one, other = point(3e-3, 0.0), point(3.1e-3, 0.3e-3)
    both = Scatterers(*(torch.cat(pair) for pair in zip(vars(one).values(), vars(other).values(), strict=True)))
    single = [render(entry, SHAPE, GEOMETRY, IMAGING) for entry in (one, other)]
    torch.testing.assert_close(render(both, SHAPE, GEOMETRY, IMAGING), single[0] + single[1])


@pytest.mark.parametrize(("per_cell", "ratio"), [(2.0, 1.63), (10.0, 1.84), (20.0, 1.92)])
def test_speckle_approaches_the_rayleigh_limit(per_cell: float, ratio: float) -> None:
    # Mean over standard deviation of the envelope for unit amplitudes; the Rayleigh limit is 1.91.
    ratios = []
    for seed in range(8):
        inner = envelope(render(tissue(seed, per_cell), SHAPE, GEOMETRY, IMAGING))[40:-40]
        ratios.append(float(inner.mean() / inner.std()))
    assert np.mean(ratios) == pytest.approx(ratio, abs=0.06)


def test_spectrum_has_its_peak_and_band() -> None:
    power = torch.zeros(1025, dtype=torch.float64)
    for seed in range(6):
        rf = render(tissue(seed), SHAPE, GEOMETRY, IMAGING).double()
        power += torch.fft.rfft(rf, n=2048, dim=0).abs().square().sum(1)
    smooth = np.convolve(power.numpy(), np.hanning(61) / np.hanning(61).sum(), "same")
    frequency = np.fft.rfftfreq(2048, 1 / 40e6)
    inside = frequency[smooth > smooth.max() / 4]  # -6 dB of a power spectrum
    assert (inside[0] + inside[-1]) / 2 == pytest.approx(5.0e6, abs=0.1e6)
    assert inside[-1] - inside[0] == pytest.approx(3.0e6, abs=0.2e6)


def test_attenuation_lowers_the_frequency_with_depth() -> None:
    # 2 z alpha sigma_f^2: 0.5 dB/cm/MHz over 3 cm is 0.345 Np/MHz, times (1.27 MHz)^2: 0.56 MHz.
    deep = Geometry(40e6, 5e6, 1540.0, 0.2e-3, start_depth_m=25e-3)
    region = Region(24e-3, 36e-3, -7e-3, 7e-3)
    scatterers = scatter(region, 12 / IMAGING.resolution_cell_m2(0.03, deep), generator(1), CPU)
    frequency = torch.fft.rfftfreq(512, 1 / 40e6)
    centroids = []
    for attenuation in (0.0, 0.5):
        rf = render(scatterers, SHAPE, deep, Imaging(attenuation_db_cm_mhz=attenuation))
        power = torch.fft.rfft(rf, dim=0).abs().square().sum(1)
        centroids.append(float((frequency * power).sum() / power.sum()))
    expected = 2 * 3.0 * 0.5 * math.log(10) / 20 * 1e-6 * IMAGING.spectral_sigma_hz(deep) ** 2
    assert centroids[0] - centroids[1] == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("shift", [0.3, -1.7, 0.05])
def test_rigid_shift_of_the_scatterers_shifts_the_rf(shift: float) -> None:
    still = tissue(4)
    moved = Scatterers(still.depth_m + shift * GEOMETRY.axial_spacing_m, still.lateral_m, still.amplitude)
    window = torch.hann_window(400, dtype=torch.float64)[:, None]
    spectra = [
        torch.fft.rfft(render(entry, SHAPE, GEOMETRY, IMAGING).double()[56:456] * window, dim=0)
        for entry in (still, moved)
    ]
    cross = (spectra[0].conj() * spectra[1]).sum(1)
    frequency = torch.fft.rfftfreq(400, dtype=torch.float64)
    band = (frequency > 0.08) & (frequency < 0.17)
    phase, weight = -torch.angle(cross[band]) / (2 * math.pi), cross[band].abs()
    slope = (weight * phase * frequency[band]).sum() / (weight * frequency[band] ** 2).sum()
    assert float(slope) == pytest.approx(shift, abs=0.003 + 0.005 * abs(shift))


def test_field_moves_a_scatterer_by_its_value_at_a_node() -> None:
    values = torch.arange(2 * 4 * 3, dtype=torch.float32).reshape(2, 4, 3)
    field = GridField(values, 0.0, 0.0, 1.0, 1.0)
    lateral, axial = field.at(torch.tensor([2.0, 1.5]), torch.tensor([1.0, 0.25]))
    assert lateral.tolist() == pytest.approx([7.0, 4.75])
    assert axial.tolist() == pytest.approx([19.0, 16.75])


def test_decorrelation_is_the_stated_one() -> None:
    still = tissue(5, 30.0)
    pixels = [
        render(entry, SHAPE, GEOMETRY, IMAGING).flatten()
        for entry in (still, still.decorrelated(0.9, generator(6)), still.exchanged(0.15, generator(7)))
    ]
    correlation = np.corrcoef(torch.stack(pixels).numpy())
    assert correlation[0, 1] == pytest.approx(0.90, abs=0.02)
    assert correlation[0, 2] == pytest.approx(0.85, abs=0.02)


def test_noise_has_the_stated_level() -> None:
    silence = torch.zeros(400, 400)
    gaussian = add_gaussian(silence, 20.0, generator(1), signal_rms=2.0)
    uniform = add_uniform(silence, 12.7, generator(1), signal_peak=1.0)
    assert float(gaussian.std()) == pytest.approx(0.2, rel=0.01)
    # Half-width of uniform noise to a PSNR of 12.7 dB: 0.401 of the peak.
    assert float(uniform.abs().max()) == pytest.approx(0.401, abs=0.001)
    assert float(uniform.std()) == pytest.approx(10 ** (-12.7 / 20), rel=0.01)
    assert in_band_gain_db(GEOMETRY, 0.6) == pytest.approx(8.24, abs=0.01)


@pytest.mark.gpu
def test_a_gpu_renders_what_a_cpu_does() -> None:
    still, device = tissue(3), torch.device("cuda")
    moved = Scatterers(*(entry.to(device) for entry in vars(still).values()))
    for attenuation in (0.0, 0.5):
        imaging = Imaging(attenuation_db_cm_mhz=attenuation)
        wanted = render(still, SHAPE, GEOMETRY, imaging)
        torch.testing.assert_close(render(moved, SHAPE, GEOMETRY, imaging).cpu(), wanted, rtol=1e-3, atol=1e-2)
