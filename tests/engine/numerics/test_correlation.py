"""Correlations of all windows and lags at once are those of each window alone."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.numerics.correlation import WindowGrid, correlate


@pytest.mark.parametrize("height", [3, 20, 22])
@pytest.mark.parametrize(("axial", "lateral"), [(range(-3, 3), range(-2, 2)), (range(1, 4), range(1))])
def test_each_correlation_is_that_of_its_window(height: int, axial: range, lateral: range) -> None:
    """At the frame's edges a window is what lies inside the reference; what lies beyond the deformed frame is 0."""
    frames = torch.randn(2, height, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grid, margin = WindowGrid(4, 3, 3), 20
    found = correlate(frames[0], frames[1], axial, lateral, grid)
    around = np.pad(frames[1].numpy(), margin)
    for window, line in np.ndindex(*found.shape[-2:]):
        rows = np.arange(max(4 * (window - 1), 0), min(4 * (window + 2), height))[:, None]
        lines = np.arange(max(line - 1, 0), min(line + 2, 9))
        own = frames[0].numpy()[rows, lines].ravel()
        for place, lag in enumerate(axial):
            for beside, shift in enumerate(lateral):
                other = around[rows + lag + margin, lines + shift + margin].ravel()
                expected = np.corrcoef(own, other)[0, 1] if other.any() else 0.0
                assert found[place, beside, window, line] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("step", [1, 4, 8])
def test_between_the_centres_of_windows_values_are_linear(step: int) -> None:
    values = torch.randn(2, 2, 37, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = WindowGrid(step, 3, 3).densify(values, 36 * step + 1)
    wanted = functional.interpolate(values, scale_factor=(step, 1), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found, wanted[..., : 36 * step + 1, :])
