import numpy as np
import pytest

from engine.metrics.contrast import region_metrics
from engine.metrics.region_pixels import leaves, local_mask, misses, overlap
from engine.preprocess.scan_conversion import ScanConverter
from engine.types import Ellipse, Geometry, Sector

GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)
FAN = Geometry(40e6, 5e6, 1540.0, 0.3e-3, 1e-3, sector=Sector(40e-3, 0.006, 0.05))
SHAPE = (1040, 128)


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 217.0])
@pytest.mark.parametrize("centre", [(0.0, 10e-3), (18e-3, 1e-3), (-19.2e-3, 20e-3)])
def test_the_local_mask_equals_the_whole_one(angle: float, centre: tuple[float, float]) -> None:
    ellipse = Ellipse(*centre, 5e-3, 2e-3, angle)
    pasted = np.zeros(SHAPE, dtype=bool)
    box, mask = local_mask(ellipse, SHAPE, GEOMETRY)
    pasted[box] = mask
    np.testing.assert_array_equal(pasted, ellipse.mask(SHAPE, GEOMETRY))


@pytest.mark.parametrize("centre", [(0.0, 10e-3), (18e-3, 12e-3), (-14e-3, 5e-3)])
def test_fanned_pixels_are_taken_where_they_truly_lie(centre: tuple[float, float]) -> None:
    ellipse = Ellipse(*centre, 4e-3, 2e-3, 25.0)
    row, line = np.meshgrid(np.arange(SHAPE[0], dtype=float), np.arange(SHAPE[1], dtype=float), indexing="ij")
    lateral, depth = ScanConverter(FAN, SHAPE, 0.3e-3).to_image(row, line)
    pasted = np.zeros(SHAPE, dtype=bool)
    box, mask = local_mask(ellipse, SHAPE, FAN)
    pasted[box] = mask
    np.testing.assert_array_equal(pasted, ellipse.contains(lateral, depth))
    assert mask.any()


def test_metrics_of_a_fan_follow_the_tissue() -> None:
    lesion = Ellipse(-12e-3, 12e-3, 4e-3, 4e-3)
    strain = np.full(SHAPE, -0.02, np.float32)
    strain += 1e-4 * np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    box, mask = local_mask(lesion, SHAPE, FAN)
    strain[box][mask] += np.float32(0.01)
    found = region_metrics(strain, FAN, lesion, Ellipse(8e-3, 12e-3, 4e-3, 4e-3))
    assert found["strain_ratio"].value == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("geometry", [GEOMETRY, FAN])
def test_leaving_missing_and_sharing(geometry: Geometry) -> None:
    middle = Ellipse(0.0, 10e-3, 3e-3, 3e-3)
    assert not leaves(middle, SHAPE, geometry)
    assert leaves(Ellipse(0.0, 2e-3, 3e-3, 3e-3), SHAPE, geometry)
    assert misses(Ellipse(0.0, 30e-3, 3e-3, 3e-3), SHAPE, geometry)
    assert not misses(middle, SHAPE, geometry)
    assert overlap(middle, Ellipse(5e-3, 10e-3, 3e-3, 3e-3), SHAPE, geometry)
    assert not overlap(middle, Ellipse(7e-3, 10e-3, 3e-3, 3e-3), SHAPE, geometry)
