"""From a frame to the nodes of the elastic model: places, values, noise and border."""

from dataclasses import replace

import numpy as np
import pytest

from engine.elasticity.common.observation import observe, with_lateral
from engine.errors import ParameterError
from engine.types import Displacement, FrameEstimate, Geometry, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.25e-3)
SHAPE = (1040, 80)
SPACING, PITCH = GEOMETRY.axial_spacing_m, GEOMETRY.pitch_m


def estimate(quality: float = 0.99, hole: tuple[slice, slice] | None = None) -> FrameEstimate:
    """Displacement that is a plane, in metres, with a hole if one is given."""
    rows, lines = np.arange(SHAPE[0])[:, None] * SPACING, np.arange(SHAPE[1])[None, :] * PITCH
    axial = (-0.01 * rows + 0.002 * lines).astype(np.float32)
    if hole is not None:
        axial[hole] = np.nan
    still = np.zeros(SHAPE, np.float32)
    strain = Strain(np.full(SHAPE, -0.01, np.float32), GEOMETRY, 2e-3)
    return FrameEstimate(0, 1, Displacement(axial, still, GEOMETRY), strain, np.full(SHAPE, quality, np.float32))


def test_a_plane_is_itself_at_the_nodes_and_back_in_the_image() -> None:
    found, grid = observe(estimate(), 1e-3)
    model = found.model
    assert (model.rows, model.lines) == (SHAPE[0] // 52, SHAPE[1] // 4)
    assert (model.axial_spacing_m, model.lateral_spacing_m) == pytest.approx((52 * SPACING, 4 * PITCH))
    axial = model.to_map(found.displacement_m[model.axial_dofs])
    laterals = grid.laterals_m - GEOMETRY.laterals_m(SHAPE[1])[0]
    np.testing.assert_allclose(axial, -0.01 * grid.depths_m[:, None] + 0.002 * laterals[None, :], atol=2e-9)
    image = grid.spread(axial, SHAPE, GEOMETRY)
    inner = (slice(30, -30), slice(3, -3))
    np.testing.assert_allclose(image[inner], estimate().displacement.axial_m[inner], atol=1e-8)
    assert np.isnan(image[[0, -1]]).all()


def test_noise_is_that_which_the_nodes_show() -> None:
    """White noise of 10 um a pixel, of which a node of 52 x 4 pixels keeps a fourteenth."""
    exact = estimate(quality=0.99)
    noise = 10e-6 * np.random.default_rng(0).standard_normal(SHAPE)
    noisy = (exact.displacement.axial_m + noise).astype(np.float32)
    found, _ = observe(replace(exact, displacement=replace(exact.displacement, axial_m=noisy)), 1e-3)
    sigma = found.sigma_m[found.model.axial_dofs]
    np.testing.assert_allclose(sigma, 10e-6 / np.sqrt(52 * 4), rtol=0.15)
    assert np.isinf(found.sigma_m[found.model.lateral_dofs]).all()
    floor, _ = observe(exact, 1e-3)
    np.testing.assert_allclose(floor.sigma_m[floor.model.axial_dofs], 0.01 * SPACING)


def test_noise_is_larger_where_the_frames_are_less_alike() -> None:
    exact = estimate(quality=0.99)
    quality = exact.quality.copy()
    quality[520:] = 0.7
    noise = 10e-6 * np.random.default_rng(0).standard_normal(SHAPE)
    noisy = (exact.displacement.axial_m + noise).astype(np.float32)
    displacement = replace(exact.displacement, axial_m=noisy)
    found, _ = observe(replace(exact, displacement=displacement, quality=quality), 1e-3)
    sigma = found.model.to_map(found.sigma_m[found.model.axial_dofs])
    assert sigma[12:].min() > 3 * sigma[:8].max()


def test_lateral_displacement_is_prescribed_on_the_border_where_it_is_known() -> None:
    exact = estimate()
    widening = np.broadcast_to(0.005 * GEOMETRY.laterals_m(SHAPE[1]), SHAPE).astype(np.float32)
    known = replace(exact, displacement=replace(exact.displacement, lateral_m=widening))
    found, grid = observe(known, 1e-3)
    border = found.model.border("top", "bottom", "left", "right")
    assert set(found.model.lateral_dofs[border]) < set(found.fixed)
    lateral = found.model.to_map(found.displacement_m[found.model.lateral_dofs])
    np.testing.assert_allclose(lateral[0], 0.005 * grid.laterals_m, atol=1e-9)
    complete = with_lateral(found)
    inside = found.model.to_map(complete.displacement_m[found.model.lateral_dofs])
    np.testing.assert_allclose(inside[5], 0.005 * grid.laterals_m, atol=1e-9)
    noisy = widening + 1e-3 * np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    unknown, _ = observe(replace(exact, displacement=replace(exact.displacement, lateral_m=noisy)), 1e-3)
    assert np.isin(unknown.fixed, unknown.model.lateral_dofs).sum() == 1


def test_the_axial_border_is_prescribed_and_one_lateral_node_pinned() -> None:
    found, _ = observe(estimate(), 1e-3)
    model = found.model
    border = model.border("top", "bottom", "left", "right")
    assert set(model.axial_dofs[border]) < set(found.fixed)
    assert np.isin(found.fixed, model.lateral_dofs).sum() == 1
    assert not found.force.any()


def test_holes_are_filled_and_known_as_such() -> None:
    found, _ = observe(estimate(hole=(slice(400, 560), slice(20, 40))), 1e-3)
    model = found.model
    unknown = np.isinf(model.to_map(found.sigma_m[model.axial_dofs]))
    assert 5 <= unknown.sum() <= 20
    assert np.isfinite(found.displacement_m).all()
    complete = with_lateral(found)
    assert np.isfinite(complete.sigma_m).all()
    assert complete.sigma_m[model.axial_dofs].max() == pytest.approx(found.sigma_m[np.isfinite(found.sigma_m)].max())


def test_lateral_motion_of_a_uniform_body_follows_from_the_axial() -> None:
    """Compressed by 1 % in plane stress it widens by 0.495 %, about the node that is pinned."""
    found = with_lateral(observe(estimate(), 1e-3, 0.495, "plane-stress")[0])
    lateral = found.model.to_map(found.displacement_m[found.model.lateral_dofs])
    widening = np.diff(lateral, axis=1)[4:-4, 4:-4] / found.model.lateral_spacing_m
    np.testing.assert_allclose(widening, 0.495 * 0.01, rtol=0.02)


def test_too_few_nodes_and_nothing_valid_are_one_line() -> None:
    with pytest.raises(ParameterError, match="at least 5 x 5"):
        observe(estimate(), 5e-3)
    shallow = np.zeros((30, 2), np.float32)
    few = FrameEstimate(0, 1, Displacement(shallow, shallow, GEOMETRY), Strain(shallow, GEOMETRY, 2e-3), shallow)
    with pytest.raises(ParameterError, match="leaves 0 x 0 nodes"):
        observe(few, 1e-3)
    with pytest.raises(ParameterError, match="no valid displacement"):
        observe(estimate(hole=(slice(None), slice(None))), 1e-3)
