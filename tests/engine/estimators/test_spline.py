import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from engine.estimators.global_cost.spline import SplineFrame


def points(generator):
    return torch.rand(60, generator=generator) * 30 + 0.5, torch.rand(60, generator=generator) * 18 + 0.5


def test_spline_is_the_natural_cubic_one_up_to_its_borders():
    generator = torch.Generator().manual_seed(0)
    frame = torch.randn(32, 20, generator=generator, dtype=torch.float64)
    row, column = (entry.double() for entry in points(generator))
    row[:2], column[:2] = torch.tensor([0.4, 30.6]), torch.tensor([0.3, 18.8])
    down = CubicSpline(np.arange(32), frame.numpy(), axis=0, bc_type="natural")(row.numpy())
    wanted = [
        float(CubicSpline(np.arange(20), line, bc_type="natural")(at))
        for line, at in zip(down, column.numpy(), strict=True)
    ]
    np.testing.assert_allclose(SplineFrame.of(frame).at(row, column).value, wanted, atol=1e-6)
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(20.0), indexing="ij")
    torch.testing.assert_close(
        SplineFrame.of(frame).at(rows.double(), columns.double()).value, frame, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("shape", [(1, 1), (9, 1), (2, 2), (3, 40), (5, 2)])
def test_frames_shorter_than_the_prefilter_are_passed_through_as_well(shape):
    frame = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    rows, columns = torch.meshgrid(*(torch.arange(size, dtype=torch.float64) for size in shape), indexing="ij")
    torch.testing.assert_close(SplineFrame.of(frame).at(rows, columns).value, frame, atol=1e-6, rtol=0)


def test_gradients_are_the_derivatives_of_the_value():
    generator = torch.Generator().manual_seed(1)
    spline = SplineFrame.of(torch.randn(32, 20, generator=generator, dtype=torch.float64))
    row, column = (entry.double() for entry in points(generator))
    column = column.clamp(1.01, 17.99)
    samples, h = spline.at(row, column), 1e-6
    axial = (spline.at(row + h, column).value - spline.at(row - h, column).value) / (2 * h)
    lateral = (spline.at(row, column + h).value - spline.at(row, column - h).value) / (2 * h)
    torch.testing.assert_close(samples.axial_gradient, axial, atol=1e-6, rtol=0)
    torch.testing.assert_close(samples.lateral_gradient, lateral, atol=1e-6, rtol=0)


def test_between_the_outermost_lines_there_is_no_slope_across():
    spline = SplineFrame.of(torch.randn(32, 20, generator=torch.Generator().manual_seed(1)))
    samples = spline.at(torch.full((4,), 9.5), torch.tensor([0.0, 0.99, 1.0, 18.5]))
    assert (samples.lateral_gradient == 0).tolist() == [True, True, False, True]
    assert (samples.axial_gradient != 0).all()


def test_points_beyond_the_border_are_marked():
    spline = SplineFrame.of(torch.arange(30.0).reshape(6, 5))
    inside = spline.at(torch.tensor([-0.1, 0.0, 5.0, 5.1]), torch.tensor([0.0, 4.0, 4.0, 0.0])).inside
    assert inside.tolist() == [False, True, True, False]
